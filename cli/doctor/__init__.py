"""`sluice doctor`: one function for each thing that may be wrong with a set-up; `doctor.checks` lists them."""
