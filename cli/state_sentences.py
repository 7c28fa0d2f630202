"""What a state of the machines means, as a sentence for the person who follows a run.

A Choice state and a Pass state that only keeps a value say nothing: the next state shows what was decided. A test holds
this table against the machines' sources.
"""

from __future__ import annotations

QUIET = frozenset(
    {
        "Open Run",
        "Candidate Good Enough?",
        "Approval Needed?",
        "Model Approved?",
        "How Did It End?",
        "Open Build",
        "Open Release",
        "Release How?",
        "Fleet Swapped?",
        "Canary Attached?",
        "Replay Passed?",
        "Open Bake",
        "Canary Healthy?",
        "Better Model Known?",
        "Promotion Verified?",
        "Can Roll Back?",
        "Cut First?",
        "Back How?",
        "Rollback Verified?",
    }
)
"""States that only repeat what others say."""

BAKE = "Open Bake"
"""Entered once for each traffic step, before the measurements of that step."""
REPEATED = frozenset({"Bake", "Judge Canary", "Choose Weights"})
"""Entered for each measurement: said once for each traffic step, since the measurements have lines of their own."""

_BY_MACHINE = {
    "Lifecycle": {
        "Prepare Data": "Preparing the data",
        "Build Model": "Building a model",
        "Judge Candidate": "Deciding whether the new model passes the contract's gates",
        "Register Model": "The gates are passed; registering the new model",
        "Await Approval": "Waiting for a person to approve the new model",
        "Release Model": "Releasing the new model",
        "Finish Run": "Recording how the run ended",
        "Model Promoted": "The run is over: the new model serves",
        "Model Rolled Back": "The run is over: the new model was rolled back, the one before it serves",
        "Model Not Approved": "The run is over: the new model was not approved",
        "Candidate Rejected": "The run is over: the new model did not pass the gates",
        "Record Failure": "A stage failed; recording why and sending an alert",
        "Run Failed": "The run is over: it failed",
    },
    "PrepareData": {
        "Clean Dataset": "Cleaning the accepted rows and splitting them for training and testing",
        "Data Prepared": "The data is prepared",
        "Data Not Prepared": "The data could not be prepared",
    },
    "BuildModel": {
        "Train Models": "Training a simple baseline and tuning the candidates side by side",
        "Train Baseline": "Training the baseline",
        "Open Tuning": "Preparing the search for the best settings",
        "Tune Candidates": "Training candidates with different settings",
        "Started From Another Run?": "SageMaker refused the search; asking whether it can start without an earlier run",
        "List Best Candidate": "The search is over; asking for its best candidate",
        "Candidate Trained?": "Checking that a candidate was trained to its end",
        "List Failed Training Jobs": "The tuning failed; looking for the reason in its training jobs",
        "Candidates Not Tuned": "No candidate could be trained",
        "Describe Best Candidate": "The candidates are trained; taking the best one",
        "Seal Candidate": "Checking and signing the best candidate",
        "Evaluate Candidate": "Scoring the held-out rows with the candidate, the baseline and the model that serves",
        "Model Built": "The candidate is trained and evaluated",
        "Model Not Built": "The model could not be built",
    },
    "ReleaseModel": {
        "Plan Release": "Planning the release",
        "Create Endpoint": "The project has no endpoint yet; creating it",
        "Replace Configuration": "Giving the endpoint the new model at once",
        "Await First Endpoint": "Waiting until the endpoint is in service",
        "Swap Fleet": "Asking SageMaker to move the traffic to a new fleet",
        "Await Swap": "Waiting until SageMaker has moved the traffic; an alarm moves it back",
        "Attach Canary": "Starting the new model beside the one that serves, without traffic",
        "Await Canary": "Waiting until both models are in service",
        "Replay Requests": "Sending earlier requests to both models and comparing the answers",
        "Await Requests": "Waiting for new requests to compare",
        "Shift Traffic": "Changing the new model's share of the traffic",
        "Await Shift": "Waiting until the endpoint has taken the new shares",
        "Bake": "Letting requests arrive at this share",
        "Judge Canary": "Judging the new model by the requests at this share",
        "Choose Weights": "Choosing the next shares from the rewards so far",
        "Promote Model": "The new model is good; giving it all of the traffic",
        "Await Promotion": "Waiting until the endpoint serves the new model alone",
        "Verify Promotion": "Checking that the new model serves and answers",
        "Complete Promotion": "Recording the new model as the one that serves",
        "Model Promoted": "The new model serves all requests",
        "No Way Back": "There is no earlier model to return to",
        "Await Before Rollback": "Rolling back: waiting until the endpoint accepts changes",
        "Cut Canary Traffic": "Rolling back: taking all traffic from the new model",
        "Await Cut": "Rolling back: waiting until the endpoint has taken the shares",
        "Restore Champion": "Rolling back: giving the endpoint the configuration from before",
        "Await Rollback": "Rolling back: waiting until the earlier model serves alone",
        "Verify Rollback": "Checking that the earlier model serves and answers",
        "Complete Rollback": "Recording the rollback and its reasons",
        "Model Rolled Back": "The earlier model serves all requests again",
        "Rollback Not Verified": "The rollback could not be verified; see the alert",
        "Release Failed": "The release failed",
    },
}
_MACHINES = {"Drill": "ReleaseModel"}
"""A drill is the release machine alone."""


def sentence(machine: str, state: str) -> str:
    """What happens in the state; a state without a sentence is named.

    >>> sentence("PrepareData", "Data Prepared")
    'The data is prepared'
    """
    words = _BY_MACHINE.get(_MACHINES.get(machine, machine), {}).get(state)
    return words or f"{machine}.{state}"


def sentences(machine: str) -> frozenset[str]:
    """The states of the machine that have a sentence."""
    return frozenset(_BY_MACHINE[machine])
