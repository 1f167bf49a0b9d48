"""A small Gymnasium environment in text: open boxes until the coin shows, then take it."""

import gymnasium
from gymnasium import spaces

BOXES = ("red", "green", "blue")
LETTERS = "abcdefghijklmnopqrstuvwxyz ,.ABCDEFGHIJKLMNOPQRSTUVWXYZ"


class HiddenBox(gymnasium.Env):
    """Actions are text; `info["can"]` lists those that do something."""

    action_space = spaces.Text(40, charset=LETTERS)
    observation_space = spaces.Text(80, charset=LETTERS)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.box, self.opened = BOXES[self.np_random.integers(3)], set()
        return "There are three boxes.", self._info()

    def step(self, action):
        if action == "take coin" and self.box in self.opened:
            return "You have the coin.", 1.0, True, False, {}
        if action not in self._info()["can"]:
            return "Nothing happens.", 0.0, False, False, self._info()
        box = action.split()[1]
        self.opened.add(box)
        inside = "a coin" if box == self.box else "nothing"
        return f"The {box} box holds {inside}.", 0.0, False, False, self._info()

    def _info(self):
        can = [f"open {box}" for box in BOXES if box not in self.opened]
        return {"can": [*can, "take coin"] if self.box in self.opened else can}


gymnasium.register("HiddenBox-v0", entry_point=HiddenBox, max_episode_steps=20)
