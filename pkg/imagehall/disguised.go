package imagehall

import "bytes"

// disguised are files that are something else, or something else as well.
func disguised() []Exhibit {
	both := good("script-behind.jpg", "a picture with a page behind its end", append(asJPEG(plain()), script...))
	zip := good("archive-behind.png", "a picture with an archive behind its end", append(asPNG(plain()), "PK\x03\x04"+script...))
	comment := good("script-inside.jpg", "a picture with a page in its comment", withAPP(asJPEG(plain()), 0xfe, []byte(script)))
	text := good("script-inside.png", "a picture with a page in its text", withChunk(asPNG(plain()), "tEXt", []byte("Comment\x00"+script)))
	xmp := good("xmp.jpg", "a picture that says where it was taken, in XMP", withAPP(asJPEG(plain()), 0xe1, []byte("http://ns.adobe.com/xap/1.0/\x00<x>"+secret+"</x>")))
	for _, e := range []*Exhibit{&both, &zip, &comment, &text} {
		e.Absent = "<script>"
	}
	xmp.Absent = secret
	return []Exhibit{
		both, zip, comment, text, xmp,
		good("png.jpg", "a PNG that calls itself a JPEG", asPNG(plain())),
		refused("page.jpg", "a page that calls itself a picture", []byte("<!doctype html>"+script), "unsupported_format"),
		refused("vector.jpg", "SVG: a program, for a browser", []byte(`<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>`), "unsupported_format"),
		refused("commands.jpg", "an ImageMagick script that reads a file", []byte("push graphic-context\nimage over 0,0 0,0 'text:/etc/passwd'\npop graphic-context"), "unsupported_format"),
		refused("postscript.jpg", "PostScript, which other libraries hand to an interpreter", []byte("%!PS\n(/etc/passwd) (r) file"), "unsupported_format"),
		refused("camera.heic", "HEIC: wants a decoder of its own", []byte("\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic"), "unsupported_format"),
		refused("scan.tiff", "TIFF", []byte("II\x2a\x00\x08\x00\x00\x00\x00\x00"), "unsupported_format"),
		refused("script.gif", "a script that begins like a GIF", []byte("GIF89a=1;"+script+"//"), "corrupt", "unsupported_format", "too_many_pixels"),
		refused("video.webp", "a film in the same container", append([]byte("RIFF\x10\x00\x00\x00AVI LIST"), make([]byte, 8)...), "unsupported_format"),
		refused("zeros.jpg", "nothing but zeros", bytes.Repeat([]byte{0}, 4096), "unsupported_format"),
		refused("one-byte.jpg", "one byte", []byte{0xff}, "unsupported_format", "corrupt"),
	}
}
