"""Makes the recordings and pictures of the planning tasks (they are committed; run to remake).

Needs the extras `speech` and `image`, and `soundfile`.
"""

# What writes sound is needed to remake the files only, so it is no dependency.
# pyright: reportMissingImports=false, reportMissingTypeStubs=false
# pyright: reportUnknownVariableType=false, reportUnknownMemberType=false

from __future__ import annotations

from pathlib import Path

MEDIA = Path(__file__).parent / "media"

SPOKEN = {
    "booking": "Hello, this is Julia Weber. I would like to book the family room for three nights "
    "in May. Please tell me the price of the room without breakfast.",
    "leak": "Hi, it's Tom from the night shift. There is a water leak in the kitchen. "
    "What should I do first?",
    "kayaks": "Good morning. We are a group of six and want three double kayaks for a full day "
    "on Saturday. What would that cost?",
    "meeting": "Let us start. Marta will order new mattresses by Friday. Tom repairs the roof of "
    "the boat house in June. Lena calls the bakery about the late deliveries.",
    "pump": "The cellar pump shows the error E4 and makes a loud noise.",
    "leave": "Hello, this is Lena from the kitchen. How many days of annual leave can I carry "
    "over into next year, and until when do I have to take them?",
    "review": "The room was lovely and the view was great, but the shower was cold on both "
    "mornings, and the music in the bar was too loud.",
    "lunch": "I paid twenty three euros and forty cents for the lunch at the Harbour Cafe.",
}

PICTURED = {
    "receipt": ["Harbour Cafe", "Fish soup   11.50", "Bread   3.20", "Coffee   4.80",
                "Total   19.50 EUR"],
    "receipt2": ["Paint and More", "White paint   36.00", "Brush   7.25", "Total   43.25 EUR"],
    "claim": ["Travel claim", "Name: Tom Berg", "Distance by car: 240 km", "Full days: 2"],
    "sign": ["Boat house", "Open 9:00 to 18:00", "Wind today: force 5"],
    "pump": ["AQUALIFT 300", "ERROR E7"],
    "invoice": ["Nielsen Bakery", "Invoice 2071", "40 rolls at 0.65 EUR each",
                "12 loaves at 3.10 EUR each", "Delivery 5.00 EUR"],
    "fridge": ["Refrigerator 2", "Temperature: 8.5 degrees", "06:40"],
    "notice": ["Das Schwimmbad ist am Mittwoch", "wegen einer Reparatur geschlossen."],
    "card": ["Clara Jensen", "Jensen Roofing", "Phone 555 0188", "clara@jensen-roofing.example"],
}  # fmt: skip


def speak() -> None:
    """Every spoken text as a FLAC file, mono, 16-bit."""
    import soundfile
    from hibari import Hibari

    voice = Hibari(threads=1)
    for name, text in SPOKEN.items():
        wav = MEDIA / f"{name}.wav"
        voice.save(text, str(wav))
        samples, rate = soundfile.read(wav)
        soundfile.write(MEDIA / f"{name}.flac", samples, rate)
        wav.unlink()


def draw() -> None:
    """Every picture as a PNG of dark text on a light ground."""
    from PIL import Image, ImageDraw, ImageFont

    font = ImageFont.load_default(32)
    for name, lines in PICTURED.items():
        image = Image.new("RGB", (640, 60 + 56 * len(lines)), "#f7f4ec")
        pen = ImageDraw.Draw(image)
        for row, line in enumerate(lines):
            pen.text((36, 30 + 56 * row), line, fill="#202830", font=font)
        image.save(MEDIA / f"{name}.png", optimize=True)


if __name__ == "__main__":
    MEDIA.mkdir(exist_ok=True)
    draw()
    speak()
