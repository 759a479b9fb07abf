package rendition_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/jpeg"

	"github.com/provingground/provingground/pkg/rendition"
)

func Example() {
	var upload bytes.Buffer
	if err := jpeg.Encode(&upload, image.NewGray(image.Rect(0, 0, 3000, 2000)), nil); err != nil {
		fmt.Println(err)
		return
	}
	copies, err := rendition.Make(context.Background(), upload.Bytes(), rendition.Limits{}, rendition.Size{Name: "page", Side: 1200}, rendition.Size{Name: "icon", Side: 96})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, c := range copies {
		fmt.Println(c.Name, c.ContentType, c.Width, "by", c.Height)
	}

	_, err = rendition.Make(context.Background(), []byte("<svg onload=alert(1)>"), rendition.Limits{}, rendition.Size{Name: "page", Side: 1200})
	var refused *rendition.Refusal
	if errors.As(err, &refused) {
		fmt.Println("refused:", refused.Reason)
	}
	// Output:
	// page image/jpeg 1200 by 800
	// icon image/jpeg 96 by 64
	// refused: unsupported_format
}
