package ordernotify

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
)

// Prepare makes the products, and measures what the AWS emulator can do with
// nobody else on it.
func (d *Driver) Prepare(ctx context.Context, progress func(done, of int)) error {
	if err := d.setStock(ctx, d.productName("scarce", 0), scarceStock); err != nil {
		return err
	}
	for i := range d.setup.Records {
		if err := d.setStock(ctx, d.productName("plenty", int64(i)), plentyStock); err != nil {
			return err
		}
	}
	progress(d.setup.Records, d.setup.Records)
	var err error
	d.raw, err = measureCeiling(ctx, d.setup.Env())
	return err
}

func (d *Driver) setStock(ctx context.Context, product string, stock int) error {
	url := d.setup.AdminURLs(role)[0] + "/admin/products/" + product
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, url, bytes.NewReader(fmt.Appendf(nil, `{"stock":%d}`, stock)))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+d.setup.Env()["ADMIN_TOKEN"])
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusNoContent {
		return fmt.Errorf("PUT %s: %s", url, resp.Status)
	}
	return nil
}
