"""A taskset whose reward looks into the agent's runtime."""

import verifiers.v1 as vf

__all__ = ["Looked"]


class LookedTask(vf.Task[vf.TaskData, vf.State, vf.TaskConfig]):
    @vf.reward
    async def there(self, trace, runtime) -> float:
        return 1.0


class Looked(vf.Taskset[LookedTask, vf.TasksetConfig]):
    def load(self):
        yield LookedTask(vf.TaskData(prompt="Make a file."), self.config.task)
