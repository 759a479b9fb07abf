"""Makes the files of this folder that Go's encoders cannot, with Pillow 13.0.0."""
import struct
from PIL import Image, ImageDraw

W, H = 96, 64
COLOURS = [(200, 40, 40), (40, 180, 40), (40, 40, 200), (220, 200, 40)]


def quadrants(w=W, h=H, mode="RGB"):
    """Red, green / blue, yellow."""
    img = Image.new("RGB", (w, h))
    d = ImageDraw.Draw(img)
    for i, c in enumerate(COLOURS):
        x, y = (i % 2) * w // 2, (i // 2) * h // 2
        d.rectangle([x, y, x + w // 2 - 1, y + h // 2 - 1], fill=c)
    return img.convert(mode)


quadrants(mode="CMYK").save("cmyk.jpg", quality=90)
quadrants().save("progressive.jpg", quality=90, progressive=True, subsampling=0)
quadrants().save("lossy.webp", quality=90)
quadrants().save("lossless.webp", lossless=True)
clear = quadrants(mode="RGBA")
clear.paste((0, 0, 0, 0), (W // 4, H // 4, 3 * W // 4, 3 * H // 4))
clear.save("alpha.webp", quality=90)
blank = Image.new("RGB", (W, H), (128, 128, 128))
quadrants().save("animated.webp", save_all=True, append_images=[blank, quadrants()], duration=100, loop=0, quality=90)
quadrants().save("animated.png", save_all=True, append_images=[blank, quadrants()], duration=100)
