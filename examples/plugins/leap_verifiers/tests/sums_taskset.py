"""A taskset of one turn: add two numbers."""

import verifiers.v1 as vf

__all__ = ["Sums"]


class SumsConfig(vf.TasksetConfig):
    size: int = 40
    tools: bool = False


class SumData(vf.TaskData):
    answer: str


class Sum(vf.Task[SumData, vf.State, vf.TaskConfig]):
    @vf.reward
    async def right(self, trace) -> float:
        return float(trace.last_reply == self.data.answer)


class Sums(vf.Taskset[Sum, SumsConfig]):
    def load(self):
        for n in range(self.config.size):
            prompt, answer = f"What is {n} + 17?", str(n + 17)
            data = SumData(prompt=prompt, system_prompt="Be brief.", answer=answer)
            yield Sum(data, self.config.task)
