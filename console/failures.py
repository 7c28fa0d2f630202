"""What a page says when a question or an action fails: a sentence and what to do, with an HTTP status."""

from __future__ import annotations

from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError

from cli.errors import CliError
from sluice.errors import ConflictError, EndpointBusyError, InputError, NotFoundError, SluiceError

_DENIED = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError"}
_SIGN_IN = {"ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId", "UnrecognizedClientException"}
EXPECTED = (CliError, SluiceError, ClientError, BotoCoreError)
"""Everything else is an error of ours, and its traceback goes to the terminal."""


def told(error: Exception) -> tuple[int, str]:
    """Status and sentence."""
    if isinstance(error, NotFoundError):
        return 404, str(error)
    if isinstance(error, CliError | InputError | ConflictError | EndpointBusyError):
        return 409, str(error)
    if isinstance(error, SluiceError):
        return 502, str(error)
    if isinstance(error, EndpointConnectionError):
        return 502, f"AWS cannot be reached: {error}. Is the local cloud still running?"
    if isinstance(error, ClientError):
        code = str(error.response.get("Error", {}).get("Code", ""))
        message = str(error.response.get("Error", {}).get("Message", ""))
        if code in _SIGN_IN:
            return 502, f"AWS no longer accepts the credentials ({code}): sign in again and restart the console"
        if code in _DENIED:
            return 403, f"your identity may not do this ({error.operation_name}): {message}"
        return 502, f"{error.operation_name} failed: {code}: {message}"
    return 502, f"the call to AWS failed: {error}"
