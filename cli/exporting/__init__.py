"""`sluice export`: a folder that serves a run's model anywhere. `files/` goes into it unchanged."""
