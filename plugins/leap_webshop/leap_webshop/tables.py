# ruff: noqa: E501 - a table is read by its lines
"""What the generated catalogue is made of: kinds of products and the words around them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ProductKind:
    """One kind of product.

    Attributes:
        noun: what it is, as titles and instructions say it; also its search phrase.
        shelf: one of upstream's five categories; `path` leads to it.
        attributes: what one of its kind may be or have.
        options: names of option groups (see `OPTIONS`).
        prices: dollars, from and to.
    """

    noun: str
    shelf: str
    path: str
    attributes: tuple[str, ...]
    options: tuple[str, ...]
    prices: tuple[float, float]


OPTIONS: dict[str, tuple[str, ...]] = {
    "color": tuple(
        "black|white|navy|grey|red|green|pink|purple|brown|beige|teal|orange|yellow|silver|gold|"
        "burgundy|olive|khaki|ivory|charcoal".split("|")
    ),
    "size": tuple("x-small|small|medium|large|x-large|xx-large|3x-large".split("|")),
    "shoe size": tuple("5|6|7|8|9|10|11|12|13".split("|")),
    "scent": tuple("lavender|lemon|rose|vanilla|mint|unscented|coconut|sandalwood".split("|")),
    "flavor": tuple(
        "chocolate|strawberry|salted caramel|peanut butter|honey|cinnamon|original|maple".split("|")
    ),
    "count": tuple("pack of 1|pack of 2|pack of 3|pack of 6|pack of 12".split("|")),
    "volume": tuple("2 fl oz|4 fl oz|8 fl oz|16 fl oz|32 fl oz".split("|")),
    "length": tuple("3 ft|6 ft|10 ft|15 ft|25 ft".split("|")),
    "capacity": tuple("32gb|64gb|128gb|256gb|512gb".split("|")),
    "width": tuple("36 inch|48 inch|60 inch|72 inch|84 inch".split("|")),
}
"""Option groups and their values. The group "shoe size" is called "size" on pages."""


def _kinds() -> tuple[ProductKind, ...]:
    rows: list[ProductKind] = []
    for shelf, path, attributes, lines in _SHELVES:
        pool = tuple(attributes.split("|"))
        for line in lines.strip().splitlines():
            noun, leaf, own, options, prices = (part.strip() for part in line.split("/"))
            low, high = prices.split("-")
            rows.append(
                ProductKind(
                    noun=noun,
                    shelf=shelf,
                    path=f"{path} › {leaf}",
                    attributes=tuple(own.split("|")) + pool,
                    options=tuple(filter(None, options.split("|"))),
                    prices=(float(low), float(high)),
                )
            )
    return tuple(rows)


# noun / leaf of the path / its own attributes / option groups / prices; each shelf adds attributes.
_SHELVES = (
    (
        "fashion",
        "Clothing, Shoes & Jewelry",
        "machine wash|hand wash|imported zipper|classic fit|everyday wear",
        """
        running shoes / Shoes › Athletic / rubber sole|arch support|slip resistant / color|shoe size / 25-120
        ankle boots / Shoes › Boots / rubber sole|memory foam|faux fur / color|shoe size / 30-140
        slippers / Shoes › Slippers / memory foam|anti slip|faux fur / color|shoe size / 12-45
        summer dress / Women › Dresses / short sleeve|elastic waist|polyester spandex / color|size / 18-70
        hoodie / Men › Hoodies / long sleeve|fleece lining|drawstring closure / color|size / 20-65
        t-shirt / Men › Shirts / short sleeve|needle sleeve|cotton heather / color|size / 9-35
        leggings / Women › Pants / high waist|tummy control|quick drying / color|size / 12-48
        swimsuit / Women › Swimwear / tummy control|padded cups|quick drying / color|size / 16-60
        pajama set / Women › Sleepwear / long sleeve|soft material|elastic waist / color|size / 18-55
        rain jacket / Men › Jackets / water resistant|drawstring closure|long sleeve / color|size / 30-130
        """,
    ),
    (
        "beauty",
        "Beauty & Personal Care",
        "cruelty free|paraben free|sensitive skin|easy to use|long lasting",
        """
        shampoo / Hair Care › Shampoo / tea tree|sulfate free|damaged hair / scent|volume / 7-35
        conditioner / Hair Care › Conditioner / argan oil|sulfate free|damaged hair / scent|volume / 7-35
        face cream / Skin Care › Face / hyaluronic acid|anti aging|fragrance free / volume / 10-60
        body lotion / Skin Care › Body / shea butter|coconut oil|dry skin / scent|volume / 6-30
        lip balm / Makeup › Lips / coconut oil|seed oil|dry skin / flavor|count / 3-18
        nail polish / Makeup › Nails / quick drying|non toxic|high gloss / color / 4-20
        toothbrush / Oral Care › Toothbrushes / soft bristles|bad breath|oral hygiene / color|count / 4-50
        deodorant / Personal Care › Deodorant / aluminum free|alcohol free|natural ingredients / scent|count / 5-25
        makeup brush set / Tools › Brushes / synthetic hair|easy to clean|travel size / color / 9-45
        hair dryer / Tools › Dryers / heat protection|dual voltage|ionic technology / color / 20-110
        """,
    ),
    (
        "electronics",
        "Electronics",
        "easy to install|plug and play|carrying case|high speed|fast charging",
        """
        wireless headphones / Audio › Headphones / noise cancelling|stereo sound|hands free / color / 20-220
        bluetooth speaker / Audio › Speakers / stereo sound|water resistant|long battery life / color / 15-160
        usb cable / Accessories › Cables / gold plated|braided nylon|heavy duty / color|length / 5-25
        phone case / Accessories › Cases / shock absorption|wireless support|slim profile / color / 7-40
        memory card / Computers › Storage / water resistant|4k video|shock absorption / capacity / 8-95
        webcam / Computers › Cameras / 1080p hd|noise cancelling|privacy cover / color / 20-130
        hdmi adapter / Accessories › Adapters / gold plated|1080p hd|aluminum alloy / color|length / 6-35
        tripod / Cameras › Tripods / aluminum alloy|quick release|light weight / color / 18-120
        smart watch / Wearables › Watches / heart rate|water resistant|long battery life / color / 30-250
        tablet stand / Accessories › Stands / aluminum alloy|adjustable height|anti slip / color / 10-45
        """,
    ),
    (
        "garden",
        "Home & Kitchen",
        "easy to clean|easy to assemble|space saving|living room|eco friendly",
        """
        desk lamp / Lighting › Lamps / led light|usb port|touch control / color / 15-80
        throw pillow / Bedding › Pillows / machine washable|double sided|super soft / color / 8-35
        window curtains / Decor › Curtains / blackout fabric|machine washable|rod pocket / color|width / 14-70
        area rug / Decor › Rugs / anti slip|stain resistant|low pile / color|width / 25-240
        bookshelf / Furniture › Shelves / solid wood|steel frame|wall mounted / color / 40-300
        office chair / Furniture › Chairs / lumbar support|height adjustable|pu leather / color / 60-400
        coffee mug / Kitchen › Cups / dishwasher safe|bpa free|double walled / color|count / 7-40
        storage basket / Storage › Baskets / cotton rope|foldable design|storage space / color|count / 10-45
        wall clock / Decor › Clocks / battery powered|silent movement|solid wood / color / 12-75
        bath towels / Bath › Towels / quick drying|super soft|cotton terry / color|count / 12-65
        """,
    ),
    (
        "grocery",
        "Grocery & Gourmet Food",
        "gluten free|non gmo|certified organic|soy free|kosher certified",
        """
        granola bars / Snacks › Bars / high protein|low sugar|nut free / flavor|count / 5-40
        green tea / Beverages › Tea / caffeine free|antioxidant rich|individually wrapped / flavor|count / 5-30
        ground coffee / Beverages › Coffee / dark roast|fair trade|low acid / flavor|count / 7-38
        protein powder / Nutrition › Protein / high protein|dairy free|keto friendly / flavor|count / 18-80
        dried fruit / Snacks › Fruit / low sugar|dairy free|resealable bag / flavor|count / 6-35
        crackers / Snacks › Crackers / whole grain|low sodium|nut free / flavor|count / 4-24
        peanut butter / Pantry › Spreads / low sugar|palm oil free|high protein / flavor|count / 5-28
        hot sauce / Pantry › Sauces / low calorie|small batch|keto friendly / flavor|count / 5-26
        chocolate candy / Snacks › Candy / dairy free|individually wrapped|fair trade / flavor|count / 5-45
        pasta / Pantry › Pasta / whole grain|high protein|low carb / count / 4-30
        """,
    ),
)
KINDS = _kinds()

SYLLABLES = tuple(
    "al an ar bel bo bri cal cor da del dor el en fa fen gal gri ha hel in jor ka kel la lin lor ma "
    "mer mon na nel nor o pal per qua ra ren ri sal sen sol ta tel tor u va vel vin wes wil xan yo "
    "za zen zi".split()
)
"""Brand names are made of these."""

PLAIN_BRANDS = tuple(
    "acorn amber anchor arrow aspen autumn badger beacon birch bramble breeze brook canyon cedar "
    "cinder cliff clover comet compass copper coral cove crane delta drift ember falcon fern "
    "finch forest fox galaxy garnet glacier granite grove harbor harvest haven heron hollow iris "
    "island juniper kestrel lagoon lantern lark laurel linden lotus lunar maple marsh meadow "
    "mesa mosaic nova oak onyx orchid osprey otter pebble pine prairie quartz raven reef ridge "
    "river robin sage sierra sparrow spruce summit tundra valley walnut willow".split()
)
"""The brands of the small catalogue: words that a tiny student can learn to copy."""

TELLING = (
    "It is {}.", "Made to be {}.", "You asked for {}, here it is.", "Known for being {}.",
    "Our customers like that it is {}.",
)  # fmt: skip
"""How descriptions and features tell an attribute."""

FILLERS = tuple(
    "The package holds one {noun} and a card with care instructions.|Please check the measurements "
    "before you order this {noun}.|A thoughtful gift for birthdays, weddings and holidays.|Colors "
    "may differ slightly from the pictures because of lighting.|If anything is wrong with your "
    "{noun}, write to us and we will answer within a day.|{brand} has made things for families "
    "since the beginning.|Designed for daily use at home, at work and on the road.|Tested by hand "
    "before it leaves our workshop.|Thousands of people use their {noun} every morning.|Simple "
    "lines, careful finish and honest materials.|Keep away from fire and from small children.".split(
        "|"
    )
)
"""Sentences that say nothing that matters, as real pages are full of them."""

ASKING = (
    "i need {article}{noun} {that}{options}.",
    "i am looking for {article}{noun} {that}{options}",
    "i want to buy {article}{noun} {that}{options}.",
    "find me {article}{noun} {that}{options}",
    "can you show me {article}{noun} {that}{options}.",
)
"""How people ask. Upstream's people write in lower case, with and without a final period."""
