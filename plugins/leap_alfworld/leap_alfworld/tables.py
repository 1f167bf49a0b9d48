"""What rooms are made of: furniture, portable objects, and where objects usually are.

The weights follow what one meets in the official games, rounded by hand. They serve twice: the
generator places objects by them, and the explorer searches by them, as common sense would.
"""

from __future__ import annotations

from dataclasses import dataclass

OPENABLE = frozenset({"Cabinet", "Drawer", "Fridge", "Microwave", "Safe"})
"""Receptacles with a door; in official rooms a few drawers and cabinets have none."""

_FOOD = "pickupable cleanable coolable heatable sliceable"
_VESSEL = "pickupable cleanable coolable heatable isReceptacleObject"
_POT = "pickupable cleanable coolable isReceptacleObject"
_TOOL = "pickupable cleanable"

TRAITS: dict[str, frozenset[str]] = {
    kind: frozenset(traits.split())
    for kind, traits in {
        **dict.fromkeys(("Apple", "Egg", "Potato", "Tomato"), _FOOD),
        "Bread": "pickupable coolable heatable sliceable",
        "Lettuce": "pickupable cleanable coolable sliceable",
        **dict.fromkeys(("Cup", "Mug", "Plate"), _VESSEL),
        **dict.fromkeys(("Bowl", "Pan", "Pot"), _POT),
        "WineBottle": "pickupable coolable",
        **dict.fromkeys(
            (
                *("ButterKnife", "Cloth", "DishSponge", "Fork", "Kettle", "Knife", "Ladle"),
                *("SoapBar", "Spatula", "Spoon"),
            ),
            _TOOL,
        ),
        "Box": "pickupable isReceptacleObject",
        **dict.fromkeys(
            (
                *("AlarmClock", "Book", "Candle", "CD", "CellPhone", "CreditCard", "Glassbottle"),
                *("HandTowel", "KeyChain", "Laptop", "Newspaper", "Pen", "Pencil", "PepperShaker"),
                *("Pillow", "RemoteControl", "SaltShaker", "SoapBottle", "SprayBottle", "Statue"),
                *("TissueBox", "ToiletPaper", "Towel", "Vase", "Watch"),
            ),
            "pickupable",
        ),
        "DeskLamp": "toggleable",
    }.items()
}
"""What can be done with objects of each type."""

_DRY = "AlarmClock Book Bowl Box CD CellPhone Cloth CreditCard KeyChain Mug Newspaper Pen Pencil"
_SMALL = "Candle CellPhone CreditCard KeyChain Newspaper Pen Pencil RemoteControl TissueBox Watch"
_SEAT = "Book Box CellPhone CreditCard KeyChain Laptop Newspaper Pillow RemoteControl"
_TABLE = _DRY + " Candle Laptop Plate RemoteControl Statue TissueBox Vase Watch"
_COOK = (
    "Apple Bread ButterKnife Cup DishSponge Egg Fork Glassbottle Kettle Knife Ladle Lettuce Pan "
    "PepperShaker Pot Potato SaltShaker SoapBottle Spatula Spoon SprayBottle Tomato WineBottle"
)
_BATH = "Candle Cloth DishSponge HandTowel SoapBar SoapBottle SprayBottle TissueBox ToiletPaper"
_HEAT = "Apple Bowl Bread Cup Egg Glassbottle Mug Plate Potato Tomato"

ACCEPTS: dict[str, frozenset[str]] = {
    receptacle: frozenset(kinds.split())
    for receptacle, kinds in {
        "ArmChair": _SEAT + " Cloth",
        "BathtubBasin": "Cloth DishSponge HandTowel SoapBar",
        "Bed": "Book CellPhone Laptop Pillow",
        "Cabinet": _BATH + " Book Bowl Box CD Cup Glassbottle Kettle Ladle Mug Newspaper Pan "
        "PepperShaker Plate Pot SaltShaker Vase WineBottle",
        "Cart": _BATH,
        "CoffeeMachine": "Mug",
        "CoffeeTable": _SMALL + " Book Bowl Box Laptop Plate Statue Vase",
        "CounterTop": _COOK + " " + _BATH + " " + _TABLE,
        "Desk": _TABLE,
        "DiningTable": _COOK + " " + _TABLE,
        "Drawer": _BATH + " " + _SMALL + " Book ButterKnife CD Fork Knife Ladle PepperShaker "
        "SaltShaker Spatula Spoon",
        "Dresser": _TABLE + " SprayBottle ToiletPaper",
        "Fridge": _HEAT + " Lettuce Pan Pot WineBottle",
        "GarbageCan": "Apple Bread CD Cloth DishSponge Egg HandTowel Lettuce Newspaper Pen Pencil "
        "Potato SoapBar SoapBottle SprayBottle TissueBox ToiletPaper Tomato WineBottle",
        "HandTowelHolder": "HandTowel",
        "Microwave": _HEAT,
        "Ottoman": _SEAT,
        "Safe": "CD CellPhone CreditCard KeyChain Statue Vase",
        "Shelf": _TABLE + " " + _BATH + " Cup Glassbottle Kettle PepperShaker Pot SaltShaker "
        "WineBottle",
        "SideTable": _COOK + " " + _TABLE + " HandTowel SoapBar ToiletPaper",
        "SinkBasin": "Apple Bowl ButterKnife Cloth Cup DishSponge Egg Fork Glassbottle HandTowel "
        "Kettle Knife Ladle Lettuce Mug Pan Plate Pot Potato SoapBar Spatula Spoon Tomato",
        "Sofa": _SEAT,
        "StoveBurner": "Kettle Pan Pot",
        "Toaster": "",
        "Toilet": _BATH,
        "ToiletPaperHanger": "ToiletPaper",
        "TowelHolder": "Towel",
        "TVStand": "TissueBox",
    }.items()
}
"""What may be put where."""


@dataclass(frozen=True, slots=True)
class Furniture:
    """How many of a receptacle a room has: in large rooms, and in small ones."""

    type: str
    full: tuple[int, int]
    small: tuple[int, int]


@dataclass(frozen=True, slots=True)
class RoomKind:
    """A kind of room.

    `small` counts add up to about nine receptacles. `places` says how often each object is met
    (its key's number) and where (weights).
    """

    name: str
    furniture: tuple[Furniture, ...]
    places: dict[str, dict[str, int]]
    tasks: frozenset[str]
    decor: tuple[str, ...]


def _furniture(text: str) -> tuple[Furniture, ...]:
    rows = []
    for row in text.strip().splitlines():
        type_, a, b, c, d = row.split()
        rows.append(Furniture(type_, (int(a), int(b)), (int(c), int(d))))
    return tuple(rows)


def _places(text: str) -> dict[str, dict[str, int]]:
    table = {}
    for row in text.strip().splitlines():
        kind, _, weights = row.partition(":")
        pairs = (pair.split("=") for pair in weights.split())
        table[kind.strip()] = {place: int(weight) for place, weight in pairs}
    return table


_PICK = ("pick_and_place_simple", "pick_two_obj_and_place")

KITCHEN = RoomKind(
    "kitchen",
    _furniture(
        """
        Cabinet       6 16 1 2
        CoffeeMachine 1 1  0 1
        CounterTop    1 3  1 1
        DiningTable   0 2  0 1
        Drawer        3 8  1 1
        Fridge        1 1  1 1
        GarbageCan    1 1  1 1
        Microwave     1 1  1 1
        Shelf         0 2  0 0
        SideTable     0 1  0 0
        SinkBasin     1 1  1 1
        StoveBurner   4 4  0 1
        Toaster       1 1  0 0
        """
    ),
    _places(
        """
        Apple: CounterTop=25 Fridge=25 DiningTable=15 GarbageCan=12 Microwave=12 SinkBasin=9
        Bowl: Cabinet=36 CounterTop=22 Fridge=20 DiningTable=15 SinkBasin=3 Microwave=3 Shelf=2
        Bread: CounterTop=55 DiningTable=30 Fridge=12
        ButterKnife: CounterTop=55 DiningTable=25 Drawer=10 SinkBasin=6
        Cup: Cabinet=24 CounterTop=22 Fridge=20 DiningTable=15 SinkBasin=9 Microwave=7 Shelf=2
        DishSponge: CounterTop=26 Cabinet=24 Drawer=20 DiningTable=13 SinkBasin=8 GarbageCan=5
        Egg: Fridge=26 CounterTop=24 SinkBasin=13 GarbageCan=12 Microwave=12 DiningTable=12
        Fork: CounterTop=42 DiningTable=24 Drawer=22 SinkBasin=9
        Glassbottle: Cabinet=32 CounterTop=28 DiningTable=14 SinkBasin=9 Fridge=9
        Kettle: StoveBurner=40 CounterTop=26 Cabinet=24 DiningTable=7 SinkBasin=3
        Knife: CounterTop=46 DiningTable=25 Drawer=22 SinkBasin=6
        Ladle: CounterTop=40 Cabinet=25 Drawer=18 DiningTable=14 SinkBasin=3
        Lettuce: CounterTop=40 DiningTable=28 Fridge=24 SinkBasin=5
        Mug: CounterTop=28 CoffeeMachine=17 Cabinet=16 Fridge=14 DiningTable=10 Microwave=8
        Pan: StoveBurner=52 CounterTop=32 Cabinet=8 DiningTable=4 Fridge=4
        PepperShaker: Cabinet=33 CounterTop=30 DiningTable=16 Drawer=15 Shelf=3
        Plate: Cabinet=40 CounterTop=30 DiningTable=16 Fridge=9 SinkBasin=3
        Pot: StoveBurner=70 CounterTop=15 Fridge=5 DiningTable=5 Cabinet=5
        Potato: CounterTop=28 Fridge=26 DiningTable=17 SinkBasin=11 Microwave=10 GarbageCan=6
        SaltShaker: Cabinet=32 CounterTop=32 DiningTable=18 Drawer=14 Shelf=3
        SoapBottle: CounterTop=33 Cabinet=31 DiningTable=20 GarbageCan=10 Shelf=3
        Spatula: CounterTop=44 DiningTable=25 Drawer=22 SinkBasin=9
        Spoon: CounterTop=38 Drawer=28 DiningTable=22 SinkBasin=11
        Tomato: Fridge=33 CounterTop=30 DiningTable=20 GarbageCan=9 SinkBasin=7
        WineBottle: CounterTop=38 Cabinet=26 DiningTable=24 GarbageCan=9
        """
    ),
    frozenset(
        {
            *_PICK,
            "pick_clean_then_place_in_recep",
            "pick_heat_then_place_in_recep",
            "pick_cool_then_place_in_recep",
        }
    ),
    ("Chair", "Window", "LightSwitch", "StoveKnob", "Sink"),
)

BATHROOM = RoomKind(
    "bathroom",
    _furniture(
        """
        BathtubBasin      0 1 0 1
        Cabinet           2 5 1 2
        Cart              0 1 0 0
        CounterTop        1 2 1 1
        Drawer            0 6 1 1
        GarbageCan        1 1 1 1
        HandTowelHolder   1 2 0 1
        Shelf             0 2 1 1
        SideTable         0 1 0 0
        SinkBasin         1 2 1 1
        Toilet            1 1 1 1
        ToiletPaperHanger 1 1 1 1
        TowelHolder       1 2 0 0
        """
    ),
    _places(
        """
        Candle: CounterTop=31 Toilet=30 Cabinet=14 Drawer=14 Shelf=7 Cart=2
        Cloth: BathtubBasin=30 Cabinet=20 CounterTop=17 Drawer=15 SinkBasin=8 Shelf=4 Toilet=3
        DishSponge: CounterTop=20 Drawer=20 BathtubBasin=18 SinkBasin=10 Shelf=10 Toilet=8 Cart=5
        HandTowel: HandTowelHolder=90 CounterTop=10
        SoapBar: CounterTop=20 Toilet=16 SinkBasin=15 Cabinet=12 BathtubBasin=12 Drawer=11
        SoapBottle: CounterTop=30 Toilet=24 Cabinet=20 Shelf=9 GarbageCan=9 Drawer=4
        SprayBottle: CounterTop=32 Toilet=27 Cabinet=16 GarbageCan=10 Shelf=7 Cart=4
        TissueBox: CounterTop=36 Shelf=29 Drawer=20 Cabinet=6 Toilet=4
        ToiletPaper: Toilet=23 CounterTop=23 ToiletPaperHanger=12 Drawer=11 Cabinet=11 GarbageCan=9
        """
    ),
    frozenset({*_PICK, "pick_clean_then_place_in_recep"}),
    ("Mirror", "LightSwitch", "Window", "Sink"),
)

BEDROOM = RoomKind(
    "bedroom",
    _furniture(
        """
        ArmChair      0 1 0 1
        Bed           1 1 1 1
        Cabinet       0 2 0 0
        Desk          1 2 1 1
        Drawer        2 8 2 2
        Dresser       0 1 1 1
        GarbageCan    1 1 1 1
        Safe          0 1 0 1
        Shelf         0 5 1 1
        SideTable     1 2 1 1
        """
    ),
    _places(
        """
        AlarmClock: Desk=34 Shelf=21 SideTable=19 Dresser=17
        Book: Bed=50 Desk=19 Drawer=12 Dresser=6 SideTable=4 Shelf=3
        Bowl: Desk=43 Shelf=30 Dresser=15 SideTable=5
        Box: Desk=55 Shelf=42
        CD: Drawer=28 Desk=20 Dresser=14 SideTable=13 GarbageCan=8 Shelf=7 Safe=4
        CellPhone: Bed=29 Desk=17 Drawer=17 Dresser=10 SideTable=10 Shelf=8 ArmChair=3 Safe=3
        CreditCard: Drawer=29 Shelf=18 Desk=18 SideTable=16 Dresser=12 ArmChair=3
        KeyChain: Drawer=26 Desk=18 SideTable=16 Shelf=16 Dresser=13 Safe=4 ArmChair=3
        Laptop: Bed=70 Desk=20 Dresser=5
        Mug: Desk=36 Shelf=18 SideTable=16 Dresser=16
        Pen: Desk=28 Drawer=18 Shelf=16 Dresser=15 SideTable=14 GarbageCan=3
        Pencil: Desk=24 Drawer=18 SideTable=18 Shelf=17 Dresser=11 GarbageCan=5
        Pillow: Bed=97 ArmChair=3
        RemoteControl: Drawer=34 Desk=29 SideTable=15 ArmChair=6 Dresser=3
        Statue: Shelf=43 Dresser=27 Desk=26 SideTable=5
        TissueBox: Desk=37 Drawer=26 Shelf=12 SideTable=9
        Vase: Shelf=45 Dresser=36 Desk=11 SideTable=9
        Watch: Drawer=31 Shelf=20 Desk=15 Dresser=11 SideTable=6
        """
    ),
    frozenset({*_PICK, "look_at_obj_in_light"}),
    ("Chair", "Window", "LightSwitch", "Painting", "Blinds"),
)

LIVINGROOM = RoomKind(
    "livingroom",
    _furniture(
        """
        ArmChair    1 2 1 1
        Cabinet     0 3 0 1
        CoffeeTable 1 2 1 1
        DiningTable 0 2 0 1
        Drawer      1 7 1 2
        Dresser     0 1 0 1
        GarbageCan  1 1 1 1
        Ottoman     0 1 0 0
        Shelf       0 5 1 1
        SideTable   1 3 1 1
        Sofa        1 2 1 1
        TVStand     0 1 0 0
        """
    ),
    _places(
        """
        Book: CoffeeTable=29 Dresser=24 Sofa=17 ArmChair=11 DiningTable=9 SideTable=8
        Box: DiningTable=26 Sofa=24 CoffeeTable=23 SideTable=8 Cabinet=4 Shelf=4
        CellPhone: Dresser=19 SideTable=17 CoffeeTable=17 Sofa=14 Drawer=13 DiningTable=9 ArmChair=4
        CreditCard: Sofa=19 CoffeeTable=15 Drawer=13 ArmChair=13 SideTable=10 DiningTable=9 Shelf=5
        KeyChain: CoffeeTable=20 SideTable=16 Drawer=16 Sofa=12 ArmChair=9 DiningTable=7 Dresser=6
        Laptop: Sofa=27 CoffeeTable=25 DiningTable=21 Dresser=8 SideTable=7 ArmChair=5 Ottoman=2
        Newspaper: Sofa=20 CoffeeTable=18 DiningTable=17 SideTable=14 Shelf=11 Dresser=8 ArmChair=7
        Pen: CoffeeTable=34 Dresser=22 SideTable=20 Drawer=6 GarbageCan=4 Shelf=4
        Pencil: SideTable=32 CoffeeTable=27 Drawer=10 Dresser=7 GarbageCan=6 Shelf=6
        Pillow: Sofa=80 ArmChair=20
        Plate: DiningTable=50 CoffeeTable=24 Shelf=13 SideTable=11
        RemoteControl: CoffeeTable=24 Sofa=19 SideTable=13 DiningTable=11 Dresser=8 ArmChair=8
        Statue: CoffeeTable=26 Shelf=20 DiningTable=20 SideTable=19 Dresser=8
        TissueBox: CoffeeTable=36 DiningTable=19 SideTable=19 Shelf=11 TVStand=8 Drawer=3
        Vase: Shelf=36 CoffeeTable=20 DiningTable=15 SideTable=12 Dresser=11 Cabinet=2
        Watch: CoffeeTable=26 Drawer=21 SideTable=18 DiningTable=11 Dresser=11 Shelf=4
        """
    ),
    frozenset({*_PICK, "look_at_obj_in_light"}),
    ("Television", "Window", "LightSwitch", "Painting", "HousePlant"),
)

ROOMS = (KITCHEN, BATHROOM, BEDROOM, LIVINGROOM)
LAMP_STANDS = ("Desk", "SideTable", "Dresser", "Shelf", "DiningTable", "CoffeeTable")
"""Where a desk lamp stands, the likeliest first."""
