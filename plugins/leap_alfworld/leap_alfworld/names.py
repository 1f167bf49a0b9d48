"""What people call ALFWorld's things and places, for the leak audit."""

from __future__ import annotations

import re

from leap_core import Fact

_OTHER = {
    "alarmclock": ("alarm clock", "clock", "alarm"),
    "armchair": ("arm chair", "easy chair", "chair", "recliner"),
    "baseballbat": ("baseball bat", "bat"),
    "basketball": ("basket ball", "ball"),
    "bathtub": ("bath tub", "tub", "bath"),
    "bathtubbasin": ("bathtub", "bath tub", "tub", "bath"),
    "book": ("volume",),
    "bowl": ("dish",),
    "box": ("carton", "container"),
    "bread": ("loaf", "loaf of bread"),
    "butterknife": ("butter knife",),
    "cabinet": ("cupboard", "closet"),
    "cd": ("disc", "compact disc", "disk"),
    "cellphone": ("cell phone", "phone", "mobile phone", "mobile", "smartphone"),
    "cloth": ("rag", "washcloth"),
    "coffeemachine": ("coffee machine", "coffee maker"),
    "coffeetable": ("coffee table", "low table"),
    "countertop": ("counter top", "counter", "worktop", "kitchen counter"),
    "creditcard": ("credit card", "card", "bank card"),
    "cup": ("mug", "glass", "tumbler", "drinking glass"),
    "desk": ("writing table", "writing desk", "worktable"),
    "desklamp": ("desk lamp", "lamp", "reading lamp", "light"),
    "diningtable": ("dining table", "dinner table"),
    "dishsponge": ("dish sponge", "sponge"),
    "drawer": ("chest drawer",),
    "dresser": ("chest of drawers",),
    "floorlamp": ("floor lamp", "lamp", "standing lamp"),
    "fridge": ("refrigerator", "icebox"),
    "garbagecan": (
        "garbage can",
        "bin",
        "trash can",
        "trash",
        "waste bin",
        "rubbish bin",
        "dustbin",
        "wastebasket",
    ),
    "glassbottle": ("glass bottle", "bottle"),
    "handtowel": ("hand towel", "towel"),
    "handtowelholder": ("hand towel holder", "towel holder", "towel rail"),
    "kettle": ("teakettle", "tea kettle"),
    "keychain": ("key chain", "key", "key ring"),
    "knife": ("blade",),
    "ladle": ("serving spoon", "scoop"),
    "laptop": ("computer", "notebook computer"),
    "laundryhamper": ("laundry hamper", "hamper"),
    "lettuce": ("salad",),
    "microwave": ("microwave oven",),
    "mug": ("coffee mug", "coffee cup", "cup"),
    "newspaper": ("paper",),
    "ottoman": ("footstool",),
    "pan": ("frying pan", "skillet"),
    "peppershaker": ("pepper shaker", "pepper"),
    "pillow": ("cushion",),
    "plate": ("dish",),
    "pot": ("saucepan", "cooking pot"),
    "remotecontrol": ("remote control", "remote"),
    "safe": ("strongbox", "vault"),
    "saltshaker": ("salt shaker", "salt"),
    "shelf": ("rack", "ledge"),
    "sidetable": ("side table", "end table", "nightstand", "bedside table"),
    "sinkbasin": ("sink basin", "sink", "basin"),
    "soapbar": ("soap bar", "bar of soap", "soap"),
    "soapbottle": ("soap bottle", "bottle of soap", "soap dispenser"),
    "sofa": ("couch", "settee"),
    "spraybottle": ("spray bottle", "spray", "sprayer"),
    "spatula": ("turner",),
    "statue": ("figurine", "sculpture", "statuette"),
    "stoveburner": ("stove burner", "burner", "stove", "hob"),
    "teddybear": ("teddy bear", "teddy"),
    "tissuebox": ("tissue box", "box of tissues", "tissue"),
    "toilet": ("lavatory", "commode", "loo"),
    "toiletpaper": ("toilet paper", "toilet roll", "roll of toilet paper"),
    "toiletpaperhanger": ("toilet paper hanger", "toilet paper holder", "paper holder"),
    "tvstand": ("tv stand", "television stand"),
    "watch": ("wristwatch", "timepiece"),
    "winebottle": ("wine bottle", "bottle of wine", "wine"),
}
_NUMBERED = re.compile(r"(.*\D) (\d+)")


def names_of(name: str) -> tuple[str, ...]:
    """Return a thing's or place's name, and other words for it, with its number if it has one."""
    found = _NUMBERED.fullmatch(name)
    kind, number = found.groups() if found else (name, "")
    return tuple(f"{each} {number}".strip() for each in (kind, *_OTHER.get(kind, ())))


def whereabouts(kind: str, place: str) -> Fact:
    """Return the fact that some thing of a kind is at a place (numbered, or a kind of place)."""
    found = _NUMBERED.fullmatch(place)
    hint = names_of(found.group(1)) if found else ()
    return Fact(kind="place", subject=names_of(kind), value=names_of(place), hint=hint)
