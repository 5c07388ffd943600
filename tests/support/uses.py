"""What the pinned published wheels are good for, as code that fails where one does not load."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """What a wheel is good for, and what must be installed beside it."""

    code: str
    needs_numpy: bool = False


USES = {
    "psycopg2-binary": Use(
        code="""
from psycopg2.extensions import libpq_version, parse_dsn
assert parse_dsn("dbname=a host=b") == {"dbname": "a", "host": "b"}
assert libpq_version() > 170000
"""
    ),
    "h5py": Use(
        code="""
import h5py, numpy
data = numpy.arange(1000)
filters = ["gzip"] + ["szip"] * bool(h5py.h5z.filter_avail(h5py.h5z.FILTER_SZIP))
with h5py.File("x.h5", "w") as file:
    for name in filters:
        file.create_dataset(name, data=data, compression=name, chunks=(100,))
with h5py.File("x.h5") as file:
    for name in filters:
        assert file[name].compression == name
        assert (file[name][...] == data).all()
""",
        needs_numpy=True,
    ),
    "shapely": Use(
        code="""
import math, shapely
circle = shapely.Point(0, 0).buffer(1, quad_segs=256)
assert abs(circle.area - math.pi) < 1e-4
""",
        needs_numpy=True,
    ),
    "pillow": Use(
        code="""
import io
from PIL import Image, ImageCms, ImageDraw, ImageFont
profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
assert "sRGB" in ImageCms.getProfileDescription(profile)
image = Image.new("RGB", (200, 40), "white")
font = ImageFont.load_default(24)
assert isinstance(font, ImageFont.FreeTypeFont)
ImageDraw.Draw(image).text((2, 2), "wheel", font=font, fill="black")
dark = sum(image.convert("L").histogram()[:100])
assert dark > 100
for kind in ("JPEG", "WEBP", "TIFF", "JPEG2000", "AVIF"):
    stream = io.BytesIO()
    image.save(stream, kind)
    back = Image.open(io.BytesIO(stream.getvalue()))
    assert back.format == kind and back.size == image.size
    assert abs(sum(back.convert("L").histogram()[:100]) - dark) < dark / 2
"""
    ),
}

WINDOWS_USES = {
    "psycopg2-binary": Use(
        code="""
import psycopg2
try:
    psycopg2.connect(host="127.0.0.1", port=9, dbname="no", connect_timeout=5)
except psycopg2.OperationalError as error:
    said = str(error)
assert "127.0.0.1" in said and "port 9" in said, said
"""
    ),
    "shapely": USES["shapely"],
    "numpy": Use(
        code="""
import numpy
assert list(numpy.linalg.solve([[2.0, 1.0], [1.0, 3.0]], [5.0, 10.0]).round(9)) == [1.0, 3.0]
assert len(numpy.random.default_rng(1).normal(size=3)) == 3
"""
    ),
}
