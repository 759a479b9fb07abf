"""How LocalStack finds the executor. The executor is imported late: its module needs all of LocalStack's Lambda."""

from localstack.services.lambda_.invocation.plugins import RuntimeExecutorPlugin


class ProcessPlugin(RuntimeExecutorPlugin):
    name = "process"

    def load(self, *args, **kwargs):
        from provingground_localstack.executor import ProcessExecutor

        return ProcessExecutor
