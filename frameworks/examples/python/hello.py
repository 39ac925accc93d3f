"""A scheduler in Python: launches one task and exits 0 when it has finished.

Uses nothing but the stubs that are generated from proto/schema. Finds the leading master, accepts
the first offer that is large enough, acknowledges updates, and tears the framework down.
"""

import argparse
import secrets
import sys
import time

import grpc
from google.rpc import status_pb2

from bourse.v1 import common_pb2 as common
from bourse.v1 import scheduler_pb2 as scheduler
from bourse.v1 import scheduler_pb2_grpc as stubs

TASK = "hello"
CPUS_MILLI = 100
MEM_MILLI = 32_000  # 32 MiB

TERMINAL = {
    common.TASK_FINISHED,
    common.TASK_FAILED,
    common.TASK_KILLED,
    common.TASK_ERROR,
    common.TASK_DROPPED,
    common.TASK_GONE,
}
TRY_ELSEWHERE = {
    common.REFUSAL_NOT_LEADER,
    common.REFUSAL_NOT_READY,
    common.REFUSAL_OVERLOADED,
}


class Refused(Exception):
    """The cluster said no; `refusal` says why."""

    def __init__(self, refusal):
        super().__init__(refusal.message)
        self.refusal = refusal


def read_file(path):
    with open(path, "rb") as file:
        return file.read()


def open_channel(address, options):
    if options.insecure:
        return grpc.insecure_channel(address)
    credentials = grpc.ssl_channel_credentials(
        root_certificates=read_file(options.ca),
        private_key=read_file(options.key),
        certificate_chain=read_file(options.certificate),
    )
    # Masters are known by this name, wherever they listen.
    name = (("grpc.ssl_target_name_override", "master.bourse.internal"),)
    return grpc.secure_channel(address, credentials, options=name)


def refusal_of(error):
    """The refusal that every error of the API carries in its details."""
    for key, value in error.trailing_metadata() or ():
        if key == "grpc-status-details-bin":
            status = status_pb2.Status.FromString(value)
            for detail in status.details:
                refusal = common.Refusal()
                if detail.Unpack(refusal):
                    return refusal
    # Of the transport, not of the API: somebody else may answer.
    return common.Refusal(reason=common.REFUSAL_NOT_READY, message=error.details() or "")


def scalars(offer):
    return {resource.name: resource.scalar.milli for resource in offer.resources}


def is_large_enough(offer):
    have = scalars(offer)
    return have.get("cpus", 0) >= CPUS_MILLI and have.get("mem", 0) >= MEM_MILLI


def amount(name, milli):
    return common.Resource(name=name, scalar=common.Scalar(milli=milli))


class Hello:
    """One subscription: one framework, one task."""

    def __init__(self, channel, options):
        self.cluster = stubs.SchedulerStub(channel)
        self.command = options.command
        self.deadline = options.deadline
        self.session = None
        self.launched = False

    def run(self):
        """The task's last status."""
        subscribe = scheduler.SubscribeRequest(
            framework=scheduler.FrameworkInfo(name="hello-python", roles=["*"]),
            request_id=secrets.token_hex(16),
        )
        events = self.cluster.Subscribe(subscribe, timeout=self.deadline - time.monotonic())
        for event in events:
            kind = event.WhichOneof("event")
            if kind == "subscribed":
                self.session = scheduler.FrameworkSession(
                    framework_id=event.subscribed.framework_id, epoch=event.subscribed.epoch
                )
                print(f"subscribed as {event.subscribed.framework_id}", flush=True)
            elif kind == "offers":
                for offer in event.offers.offers:
                    self.answer(offer)
            elif kind == "update":
                status = event.update.status
                self.acknowledge(status)
                print(f"{status.task_id}: {common.TaskState.Name(status.state)}", flush=True)
                if status.state in TERMINAL:
                    self.cluster.Teardown(scheduler.TeardownRequest(session=self.session))
                    return status
            elif kind == "error":
                raise Refused(event.error.refusal)
        raise Refused(common.Refusal(reason=common.REFUSAL_NOT_READY, message="the stream ended"))

    def answer(self, offer):
        if self.launched or not is_large_enough(offer):
            decline = scheduler.DeclineRequest(session=self.session, offer_ids=[offer.offer_id])
            self.cluster.Decline(decline)
            return
        task = common.TaskInfo(
            task_id=TASK,
            name=TASK,
            agent_id=offer.agent_id,
            resources=[amount("cpus", CPUS_MILLI), amount("mem", MEM_MILLI)],
            command=common.Command(arguments=["sh", "-c", self.command]),
        )
        accept = scheduler.AcceptRequest(
            session=self.session,
            offer_ids=[offer.offer_id],
            tasks=[task],
            request_id=secrets.token_hex(16),
        )
        try:
            self.cluster.Accept(accept)
        except grpc.RpcError as error:
            refusal = refusal_of(error)
            if refusal.reason != common.REFUSAL_OFFER_INVALID:
                raise
            print(f"the offer was gone: {refusal.message}", flush=True)
            return
        self.launched = True
        print(f"launched {TASK} on {offer.agent_id}", flush=True)

    def acknowledge(self, status):
        if status.sequence == 0:  # the answer to a reconciliation
            return
        acknowledgement = scheduler.Acknowledgement(
            task_id=status.task_id, sequence=status.sequence
        )
        self.cluster.Acknowledge(
            scheduler.AcknowledgeRequest(
                session=self.session, acknowledgements=[acknowledgement]
            )
        )


def run_anywhere(options):
    """Tries the masters in turn, and follows those who know the leader."""
    addresses = options.master.split(",")
    turn = 0
    following = None
    while time.monotonic() < options.deadline:
        address = following or addresses[turn % len(addresses)]
        turn, following = turn + (following is None), None
        hello = None
        try:
            with open_channel(address, options) as channel:
                hello = Hello(channel, options)
                return hello.run()
        except Refused as refused:
            refusal = refused.refusal
        except grpc.RpcError as error:
            refusal = refusal_of(error)
        # A task that was launched is not launched a second time: a real scheduler would subscribe
        # again with its framework id, as the Rust SDK does.
        if refusal.reason not in TRY_ELSEWHERE or hello.launched:
            raise Refused(refusal)
        print(f"{address}: {refusal.message}", file=sys.stderr, flush=True)
        following = refusal.leader_address or None
        if following is None:
            time.sleep(0.2)
    raise Refused(common.Refusal(message="no master answered in time"))


def read_options(arguments):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--master", required=True, help="host:port, or several with commas")
    parser.add_argument("--insecure", action="store_true", help="plain text, no certificates")
    parser.add_argument("--ca", help="PEM file of the authority that signed the masters")
    parser.add_argument("--certificate", help="PEM file of this framework's certificate")
    parser.add_argument("--key", help="PEM file of its private key")
    parser.add_argument("--command", default="echo hello from $BOURSE_TASK_ID", help="for sh -c")
    parser.add_argument("--timeout", type=float, default=60, help="seconds, for everything")
    options = parser.parse_args(arguments)
    has_identity = options.ca and options.certificate and options.key
    if bool(options.insecure) == bool(has_identity):
        parser.error("give either --insecure, or --ca, --certificate and --key")
    options.deadline = time.monotonic() + options.timeout
    return options


def main(arguments):
    try:
        status = run_anywhere(read_options(arguments))
    except Refused as refused:
        refusal = refused.refusal
        reason = common.RefusalReason.Name(refusal.reason)
        print(f"error: {reason} {refusal.field} {refusal.message}", file=sys.stderr)
        return 2
    return 0 if status.state == common.TASK_FINISHED else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
