"""`sluice track`: a project's runs and trials in an experiment tracker."""
