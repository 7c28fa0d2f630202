"""What tests and proofs share: fakes of the ports, a project before its release, a driver of the deployed pipeline."""
