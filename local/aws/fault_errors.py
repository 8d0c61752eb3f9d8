"""The errors AWS would answer: code, status and form as the service's own model has them."""

from __future__ import annotations

import warnings
from typing import NamedTuple
from uuid import uuid4

from moto.core.exceptions import ServiceException
from moto.core.serialize import SerializationContext, get_serializer_class
from moto.core.utils import get_service_model
from werkzeug.wrappers import Response

from local.aws.calls import Call

# Much of what AWS answers is in no service's model, of which moto warns.
warnings.filterwarnings("ignore", message=r"Exception\(FaultError\)")


class Answer(NamedTuple):
    """A code and the HTTP status it comes with."""

    code: str
    status: int


# What operations declare, best first.
DECLARED = {
    "throttle": ("ThrottlingException", "TooManyRequestsException"),
    "server_error 500": ("InternalServerException", "InternalServerError"),
    "server_error 503": ("ServiceUnavailableException",),
    "conflict": (
        "ConflictException",
        "TransactionConflictException",
        "TransactionCanceledException",
    ),
    "access_denied": ("AccessDeniedException",),
    "quota": ("ServiceQuotaExceededException", "LimitExceededException"),
}
# What each protocol's services answer without declaring it. Conflict and quota are no such errors:
# an operation that does not declare them never gives them.
COMMON = {
    "json": {
        "throttle": Answer("ThrottlingException", 400),
        "server_error 500": Answer("InternalServerError", 500),
        "server_error 503": Answer("ServiceUnavailable", 503),
        "access_denied": Answer("AccessDeniedException", 400),
    },
    "rest-json": {
        "throttle": Answer("ThrottlingException", 429),
        "server_error 500": Answer("InternalServerException", 500),
        "server_error 503": Answer("ServiceUnavailableException", 503),
        "access_denied": Answer("AccessDeniedException", 403),
    },
    "rest-xml": {
        "throttle": Answer("SlowDown", 503),
        "server_error 500": Answer("InternalError", 500),
        "server_error 503": Answer("ServiceUnavailable", 503),
        "access_denied": Answer("AccessDenied", 403),
    },
    "query": {
        "throttle": Answer("Throttling", 400),
        "server_error 500": Answer("InternalFailure", 500),
        "server_error 503": Answer("ServiceUnavailable", 503),
        "access_denied": Answer("AccessDenied", 403),
    },
}
# S3's model declares next to nothing: what its pages list for single operations.
S3_WRITES = ("PutObject", "CopyObject", "DeleteObject", "CompleteMultipartUpload")
S3_CONFLICT = Answer("OperationAborted", 409)
S3_QUOTA = Answer("TooManyBuckets", 400)

MESSAGES = {
    "throttle": "Rate exceeded",
    "server_error 500": "The server encountered an internal error. Please retry your request",
    "server_error 503": "The service is temporarily unable to handle the request",
    "conflict": "The resource is being modified by another request",
    "access_denied": "User is not authorized to perform: {operation}",
    "quota": "You have reached the quota for this operation. Request a quota increase",
}


class FaultError(ServiceException):
    """The error in the form that moto writes out for each protocol."""

    def __init__(self, code: str, message: str, transaction_items: int) -> None:
        if code == "TransactionCanceledException":
            codes = ["TransactionConflict", *["None"] * (transaction_items - 1)]
            self.CancellationReasons = [{"Code": reason} for reason in codes]
            message = (
                "Transaction cancelled, please refer cancellation reasons for specific reasons "
                f"[{', '.join(codes)}]"
            )
        super().__init__(code, message)


def find_answer(error: str, call: Call) -> Answer | None:
    """What AWS answers this call in such a case; None for an error it never gives."""
    operation = get_service_model(call.service).operation_model(call.operation)
    if call.service == "s3":
        return find_s3_answer(error, call.operation)
    common = COMMON.get(operation.service_model.protocol, COMMON["json"]).get(error)
    declared = {shape.name: shape for shape in operation.error_shapes}
    for code in DECLARED[error]:
        if code in declared:
            default = common.status if common else 400
            metadata = declared[code].metadata.get("error", {})
            return Answer(code, int(metadata.get("httpStatusCode", default)))
    return common


def find_s3_answer(error: str, operation: str) -> Answer | None:
    """The same for S3."""
    if error == "conflict":
        return S3_CONFLICT if operation in S3_WRITES else None
    if error == "quota":
        return S3_QUOTA if operation == "CreateBucket" else None
    return COMMON["rest-xml"][error]


def build_error(error: str, call: Call, transaction_items: int = 1) -> Response:
    """The response with the error."""
    answer = find_answer(error, call)
    if answer is None:
        raise LookupError(f"{call} never gives {error}")
    model = get_service_model(call.service)
    request_id = str(uuid4())
    message = MESSAGES[error].format(operation=f"{call.service}:{call.operation}")
    serializer = get_serializer_class(model.service_name, str(model.protocol))(
        model.operation_model(call.operation), SerializationContext(request_id)
    )
    written = serializer.serialize(FaultError(answer.code, message, transaction_items))
    headers = {**written["headers"], "x-amzn-RequestId": request_id}
    return Response(written["body"], answer.status, headers)
