"""The benchmark of tuning strategies counts what it should: rounds until a job ends, and values of whole jobs only."""

from benchmarks import tuning
from benchmarks.tuning import Job, median_rule, never, search, strategy_of
from families.progress import EVERY


class Curves:
    """Jobs whose value is known: the better the learning rate fits, the better at every report."""

    def of(self, values):
        top = 1.0 - abs(float(values["learning-rate"]) - 0.05)
        return Job(tuple(top - 0.5**n for n in range(1, 9)), top, 8 * EVERY + 5)


def test_every_job_goes_to_its_end_where_nothing_stops_it():
    found = search(Curves(), strategy_of("Random", 1, 6), 6, never)
    assert (found.jobs, found.rounds) == (6, 6 * (8 * EVERY + 5))
    assert 0.8 < found.best <= 1.0


def test_an_ended_job_costs_less_and_has_no_model():
    strategy = strategy_of("Random", 1, 6)
    found = search(Curves(), strategy, 6, lambda _proposal, report, _value: report == 2)
    assert (found.best, found.rounds) == (0.0, 6 * 2 * EVERY)


class Flat(Curves):
    """Jobs that have their value from the first report on: the median of running averages is lenient to others."""

    def of(self, values):
        job = super().of(values)
        return Job((job.final,) * len(job.reports), job.final, job.rounds)


def test_hyperband_and_the_median_rule_end_the_jobs_that_fall_behind():
    whole = 24 * (8 * EVERY + 5)
    chance = search(Curves(), strategy_of("Random", 3, 24), 24, never)
    band = strategy_of("Hyperband", 3, 24)
    for found in (
        search(Curves(), band, 24, band.should_stop),
        search(Flat(), strategy_of("Random", 3, 24), 24, median_rule([])),
    ):
        assert found.rounds < 0.8 * whole
        assert chance.best - found.best < 0.01


def test_a_warm_start_is_better_than_chance_on_a_known_function():
    gains = [
        tuning.warm(Curves(), seed, 10).best - search(Curves(), strategy_of("Random", seed, 10), 10, never).best
        for seed in range(4)
    ]
    assert sum(gains) / len(gains) > 0
