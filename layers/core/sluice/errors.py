"""The tree of errors. A class's name is the name that the state machines catch.

SluiceError
├── InputError                  the person's file or contract must change; retrying cannot help
│   ├── ContractError           project.yaml does not say what Sluice needs
│   ├── UnknownProjectError     a file arrived for a project without a contract
│   ├── UnreadableFileError     bytes that are not CSV, Parquet or JSON lines of a known encoding
│   ├── EmptyFileError          a file without a data row
│   ├── FileTooLargeError       a file that the function's disk, memory or time cannot hold: split it
│   ├── HeaderMismatchError     columns that the contract needs are not there
│   └── CorrectionError         a file of corrected rows that does not belong to the quarantine that it names
├── AnswersError                a model's answers that are not one for each row
├── GivenUpError                a file that could not be handled in several tries
├── ArtifactError               a model artefact is not what its manifest says
├── ConflictError               somebody else changed the state first (lock, champion)
├── ReleaseError                the endpoint is not in the state that a release needs
│   └── EndpointBusyError       the endpoint is changing; the state machine asks again
├── NotFoundError               an object, run or model that should exist does not
└── DamagedRecordError          an object that Sluice wrote is not what it wrote
"""

from __future__ import annotations


class SluiceError(Exception):
    """Base of all errors that Sluice raises on purpose."""


class InputError(SluiceError):
    """Something that a person sent must change; a retry cannot help."""


class ContractError(InputError):
    """`project.yaml` is not a valid contract. The message names the key, its line and the nearest key."""


class UnknownProjectError(InputError):
    """A file arrived for a project that has no contract."""


class UnreadableFileError(InputError):
    """The bytes are not a table in a known format and encoding."""


class EmptyFileError(InputError):
    """The file has no data row."""


class FileTooLargeError(InputError):
    """The file needs more disk, memory or time than the function has. The message names size, limit and way out.

    `whole`: that is so of the file, not of one line or row group of it, so that in parts it may be read.
    """

    def __init__(self, message: str, *, whole: bool = False) -> None:
        super().__init__(message)
        self.whole = whole


class HeaderMismatchError(InputError):
    """Columns that the contract requires are missing from the file."""


class CorrectionError(InputError):
    """A file of corrected rows is not of the quarantine that it names, or has no row that is still in it."""


class AnswersError(SluiceError):
    """The answers of a transform job are not one for each row that was sent, so no answer belongs to a known row."""


class GivenUpError(SluiceError):
    """A file came from the dead-letter queue: the tries before ended without an outcome."""


class ArtifactError(SluiceError):
    """A model artefact does not match its manifest, or cannot be trusted."""


class ConflictError(SluiceError):
    """A conditional write lost against somebody else's."""


class ReleaseError(SluiceError):
    """The endpoint is not in the state that this step of a release needs."""


class EndpointBusyError(ReleaseError):
    """The endpoint is still changing; the state machine's Retry asks again until it is done."""


class NotFoundError(SluiceError):
    """An object, run or model that should exist does not."""


class DamagedRecordError(SluiceError):
    """A record that Sluice itself wrote cannot be read; the message names the object."""
