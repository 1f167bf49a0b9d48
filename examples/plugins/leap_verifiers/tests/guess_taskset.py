"""A taskset with an environment of its own, which plays the partner: guess a number."""

import itertools

import verifiers.v1 as vf

__all__ = ["Guess", "GuessEnv"]


class GuessData(vf.TaskData):
    number: int


class GuessTask(vf.Task[GuessData, vf.State, vf.TaskConfig]):
    pass


class Guess(vf.Taskset[GuessTask, vf.TasksetConfig]):
    INFINITE = True

    def load(self):
        for n in itertools.count():
            data = GuessData(prompt="Guess a number from 0 to 9.", number=n * 7 % 10)
            yield GuessTask(data, self.config.task)


class GuessConfig(vf.EnvConfig):
    player: vf.AgentConfig = vf.AgentConfig()


class GuessEnv(vf.Env[GuessConfig]):
    async def run(self, task, agents):
        async with agents.player.interaction(task) as interaction:
            segment = await interaction.turn()
            while segment.last_reply != str(task.data.number):
                guess = segment.last_reply
                more = guess.isdecimal() and int(guess) < task.data.number
                segment = await interaction.turn("More." if more else "Less.")
        interaction.trace.record_reward("guessed", 1.0)
