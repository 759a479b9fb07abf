"""A Lambda executor for LocalStack 4.14 that runs functions as processes of this machine.

It runs zip archives for the provided.* runtimes: their file bootstrap, which speaks the runtime API. It stands for
nothing else that Lambda does around a function: the process is not isolated, memory and disk are not limited, there
are no layers, extensions, images or managed runtimes. LocalStack decides how many environments there are and gives
each one invocation at a time.
"""

import json
import os
import queue
import signal
import subprocess
import tempfile
import threading
import time

from localstack.services.lambda_.invocation.lambda_models import InvocationResult
from localstack.services.lambda_.invocation.runtime_executor import LambdaRuntimeException, RuntimeExecutor

from provingground_localstack.runtimeapi import Event, RuntimeAPI

INIT_SECONDS = 10  # AWS's limit for what a function does before it asks for work


class Environment:
    """One process of a function, and the runtime API that it asks for work."""

    def __init__(self, folder, variables, log):
        self.api = RuntimeAPI()
        env = {**variables, "AWS_LAMBDA_RUNTIME_API": self.api.address}
        try:
            self.process = subprocess.Popen(
                [os.path.join(folder, "bootstrap")], cwd=folder, env=env, start_new_session=True,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )
        except OSError as e:
            self.api.close()
            raise LambdaRuntimeException(f"bootstrap cannot be started: {e}") from e
        self.watcher = threading.Thread(target=self._watch, daemon=True)
        self.watcher.start()

    def _watch(self):
        status = self.process.wait()
        self.api.events.put(Event("exit", body=str(status).encode()))

    def await_event(self, seconds):
        """The next event, or None when the time is over."""
        try:
            return self.api.events.get(timeout=max(0, seconds))
        except queue.Empty:
            return None

    def end(self):
        """Ends the process with all that it started."""
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.watcher.join()
        self.api.close()


class ProcessExecutor(RuntimeExecutor):
    def __init__(self, id, function_version):
        super().__init__(id, function_version)
        self.environment = None
        self.log = tempfile.NamedTemporaryFile(prefix="lambda-", suffix=".log")

    @property
    def config(self):
        return self.function_version.config

    def start(self, env_vars):
        if not (self.config.runtime or "").startswith("provided"):
            raise LambdaRuntimeException(f"runtime {self.config.runtime}: only provided.* runs as a process")
        self.folder = str(self.config.code.get_unzipped_code_location())
        self.variables = {name: str(value) for name, value in env_vars.items()}
        self.variables |= {"PATH": "/usr/local/bin:/usr/bin:/bin", "LAMBDA_TASK_ROOT": self.folder}
        self._begin()

    def _begin(self):
        environment = Environment(self.folder, self.variables, self.log)
        event = environment.await_event(INIT_SECONDS)
        if event and event.kind == "ready":
            self.environment = environment
            return
        environment.end()
        if event is None:
            raise LambdaRuntimeException(f"bootstrap did not ask for work within {INIT_SECONDS} s")
        raise LambdaRuntimeException(f"bootstrap: {event.kind} {event.body.decode(errors='replace')}: {self.get_logs()[-500:]}")

    def invoke(self, payload):
        request_id, began, logged = payload["invoke-id"], time.monotonic(), len(self._logged())
        if self.environment and self.environment.process.poll() is not None:  # it ended by itself meanwhile
            self.stop()
        if self.environment is None:
            self._begin()
        self.environment.api.work.put((self._headers(payload), payload["payload"].encode()))
        failed, body = self._outcome(request_id)
        return InvocationResult(request_id, body, is_error=failed, logs=self._report(request_id, logged, began))

    def _headers(self, payload):
        return {
            "Lambda-Runtime-Aws-Request-Id": payload["invoke-id"],
            "Lambda-Runtime-Trace-Id": payload["trace-id"],
            "Lambda-Runtime-Invoked-Function-Arn": payload["invoked-function-arn"],
            "Lambda-Runtime-Deadline-Ms": str(int((time.time() + self.config.timeout) * 1000)),
        }

    def _outcome(self, request_id):
        """Whether the invocation failed, and its answer. An environment that has not answered is ended."""
        event = self.environment.await_event(self.config.timeout)
        if event and event.request_id == request_id:
            return event.kind == "error", event.body
        self.environment.end()
        self.environment = None
        if event is None:
            why = ("Sandbox.Timedout", f"Task timed out after {self.config.timeout:.2f} seconds")
        else:
            why = ("Runtime.ExitError", f"Runtime exited: {event.kind} {event.body.decode(errors='replace')}")
        return True, json.dumps({"errorType": why[0], "errorMessage": f"RequestId: {request_id} Error: {why[1]}"}).encode()

    def _report(self, request_id, logged, began):
        text = self._logged()[logged:].decode(errors="replace")
        took = (time.monotonic() - began) * 1000
        version = self.function_version.id.qualifier
        return (
            f"START RequestId: {request_id} Version: {version}\n{text}"
            f"END RequestId: {request_id}\nREPORT RequestId: {request_id}\tDuration: {took:.2f} ms\n"
        )

    def _logged(self):
        with open(self.log.name, "rb") as file:
            return file.read()

    def get_logs(self):
        return self._logged().decode(errors="replace")

    def stop(self):
        if self.environment:
            self.environment.end()
            self.environment = None

    def get_address(self):
        return "127.0.0.1"

    def get_endpoint_from_executor(self):
        return "127.0.0.1"

    def get_runtime_endpoint(self):
        return "http://127.0.0.1:9"  # of LocalStack's own init, which does not run here

    @classmethod
    def prepare_version(cls, function_version):
        function_version.config.code.prepare_for_execution()

    @classmethod
    def cleanup_version(cls, function_version):
        function_version.config.code.destroy_cached()
