"""A taskset that a student of text cannot play: its tasks need a container."""

import verifiers.v1 as vf

__all__ = ["Boxed"]


class BoxedTask(vf.Task[vf.TaskData, vf.State, vf.TaskConfig]):
    NEEDS_CONTAINER = True


class Boxed(vf.Taskset[BoxedTask, vf.TasksetConfig]):
    def load(self):
        yield BoxedTask(vf.TaskData(prompt="Look around."), self.config.task)
