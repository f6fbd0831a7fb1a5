"""Why the broker has refused a call, as programs read it."""

from baton.v1 import error_pb2


def reason(error):
    """Of a grpc.RpcError: the broker's reason, such as TASK_NOT_FOUND; empty if it did not come from the broker."""
    for key, value in error.trailing_metadata():
        if key == "grpc-status-details-bin":
            for detail in error_pb2.Status.FromString(value).details:
                return error_pb2.ErrorInfo.FromString(detail.value).reason
    return ""
