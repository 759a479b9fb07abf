package rendition

import "encoding/binary"

// orientation returns the orientation (tag 0x0112 of the first directory of
// EXIF, which is a TIFF file), or 1.
func orientation(tiff []byte) int {
	if len(tiff) > 6 && string(tiff[:6]) == "Exif\x00\x00" { // some writers of WebP keep JPEG's prefix
		tiff = tiff[6:]
	}
	if len(tiff) < 8 {
		return 1
	}
	var order binary.ByteOrder
	switch string(tiff[:2]) {
	case "II":
		order = binary.LittleEndian
	case "MM":
		order = binary.BigEndian
	default:
		return 1
	}
	at := uint64(order.Uint32(tiff[4:]))
	if at+2 > uint64(len(tiff)) {
		return 1
	}
	entries := tiff[at+2:]
	for n := order.Uint16(tiff[at:]); n > 0 && len(entries) >= 12; n-- {
		if order.Uint16(entries) == 0x0112 {
			return int(order.Uint16(entries[8:]))
		}
		entries = entries[12:]
	}
	return 1
}
