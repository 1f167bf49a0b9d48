"""A server of a small OpenEnv environment: open boxes until the coin shows, then take it."""

import random

from openenv.core.env_server import Action, Environment, Observation, State, create_fastapi_app
from pydantic import Field

BOXES = ("red", "green", "blue")


class Words(Action):
    message: str


class Seen(Observation):
    text: str
    can: list[str] = Field(default_factory=list)


class Hidden(State):
    box: str = ""


class HiddenBox(Environment):
    SUPPORTS_CONCURRENT_SESSIONS = True

    def reset(self, seed=None, episode_id=None, **kwargs):
        self.box, self.opened = random.Random(seed).choice(BOXES), []
        self.steps = 0
        return self._seen("There are three boxes.")

    def step(self, action, timeout_s=None, **kwargs):
        self.steps += 1
        if action.message not in self._can():
            return self._seen("Nothing happens.")
        if action.message == "take coin":
            return Seen(text="You have the coin.", done=True, reward=1.0)
        box = action.message.split()[1]
        self.opened.append(box)
        inside = "a coin" if box == self.box else "nothing"
        return self._seen(f"The {box} box holds {inside}.")

    @property
    def state(self):
        return Hidden(step_count=self.steps, box=self.box)

    def _can(self):
        can = [f"open {box}" for box in BOXES if box not in self.opened]
        return [*can, "take coin"] if self.box in self.opened else can

    def _seen(self, text):
        return Seen(text=text, can=self._can(), reward=0.0)


app = create_fastapi_app(HiddenBox, Words, Seen, max_concurrent_envs=16)
