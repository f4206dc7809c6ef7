"""Sample data: what the demo shop trades in, and the names of fictional people and companies. Amounts are in rupees."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["pieces", "batch", "goods"]  # rented by serial number; rented by quantity; sold by quantity


@dataclass(frozen=True, slots=True)
class Family:
    """Items of one kind: four models, each more expensive than the one before. Goods are sold, all others rented."""

    category: str
    subcategory: str
    kind: Kind
    models: tuple[str, str, str, str]
    rate: int
    price: int


FAMILIES = (
    Family("Cameras", "Mirrorless", "pieces", ("Alba 5", "Alba 7", "Alba 7 Pro", "Alba 9"), 1200, 90_000),
    Family("Cameras", "Cinema", "pieces", ("Cineon 4K", "Cineon 6K", "Cineon 8K", "Cineon Studio"), 4500, 380_000),
    Family("Cameras", "Lenses", "pieces", ("Prime 35", "Prime 50", "Zoom 24-70", "Zoom 70-200"), 600, 55_000),
    Family("Cameras", "Supports", "pieces", ("Tripod 20", "Tripod 60", "Slider 80", "Gimbal 3"), 350, 22_000),
    Family("Lighting", "LED Panels", "pieces", ("Panel 100", "Panel 200", "Panel 400", "Panel 800"), 500, 35_000),
    Family("Lighting", "Spotlights", "pieces", ("Fresnel 300", "Fresnel 650", "Spot 1200", "Spot 2500"), 700, 48_000),
    Family("Lighting", "Grip", "batch", ("Sandbag 5 kg", "C-Stand", "Boom Arm", "Flag Kit"), 40, 2_400),
    Family("Sound", "Microphones", "pieces", ("Shotgun M1", "Lavalier L2", "Wireless W4", "Choir C8"), 300, 18_000),
    Family("Sound", "Speakers", "pieces", ("Speaker 10", "Speaker 12", "Speaker 15", "Subwoofer 18"), 800, 42_000),
    Family("Sound", "Mixers", "pieces", ("Mixer 6", "Mixer 12", "Mixer 24", "Mixer 32"), 900, 60_000),
    Family("Events", "Tents", "pieces", ("Tent 3x3", "Tent 4x4", "Tent 5x8", "Pavilion 10x12"), 1500, 65_000),
    Family("Events", "Furniture", "batch", ("Folding Chair", "Bar Stool", "Folding Table", "Lounge Sofa"), 30, 1_500),
    Family("Tools", "Power Tools", "pieces", ("Drill 18V", "Saw 1400", "Grinder 125", "Breaker 15"), 250, 14_000),
    Family("Tools", "Generators", "pieces", ("Power 2000", "Power 3500", "Power 6000", "Power 9000"), 1800, 98_000),
    Family("Tools", "Consumables", "goods", ("Gaffer Tape", "AA Cells x24", "Cable Ties x100", "Work Gloves"), 0, 450),
)
BRANDS = ("Lumora", "Norvik", "Castello", "Brightline", "Harrow", "Tekton")
CITIES = (("Mumbai", "Maharashtra"), ("Pune", "Maharashtra"), ("Ahmedabad", "Gujarat"), ("Bengaluru", "Karnataka"))
FIRST_NAMES = ("Asha", "Dev", "Ishaan", "Kavya", "Leela", "Manav", "Neel", "Ojas", "Priya", "Rhea", "Tara", "Veer")
LAST_NAMES = ("Amberly", "Brook", "Cedar", "Dale", "Elmwood", "Fern", "Grove", "Hill", "Lake", "Meadow", "Stone")
TRADES = ("Films", "Events", "Studios", "Weddings", "Builders", "Theatre", "Media", "Festivals")
SUPPLIERS = ("Example Imports", "Stage Supply Sample Co", "Demo Wholesale", "Placeholder Tools", "Fictional Optics")
DAMAGES = ("Cracked housing", "Loose connector", "Scratched surface", "Does not switch on", "Worn cable")
