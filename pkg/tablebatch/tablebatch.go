// Package tablebatch writes rows of one partition of Azure Table storage in one
// transaction, all or none, and says what aztables.SubmitTransaction leaves out:
// the new ETag of each row, and of a transaction that was refused which operation
// it was and why. Beside it is what a caller needs to read such rows.
//
// aztables v1.4.1 answers a refused transaction with the status of the envelope,
// 202, and no error code; status and code stand in the body that it has read.
//
// A transaction without an answer may have happened. Make one of its operations an
// Add of a row that names the work: then repeating it tells (Exists).
package tablebatch

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strconv"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/data/aztables"
)

// MaxRows is how many operations a transaction has at most.
const MaxRows = 100

// ErrRows says that the operations are no transaction: none, too many, of two
// partitions (which Azurite takes and the service refuses), or one row twice.
var ErrRows = errors.New("tablebatch: not 1 to 100 different rows of one partition")

// A Refused transaction changed nothing.
type Refused struct {
	Index  int    // of the operation that was the reason; -1 if the service does not say
	Status int    // such as 409 or 412
	Code   string // such as EntityAlreadyExists or UpdateConditionNotSatisfied
}

// Error names the operation, the status and the code.
func (e *Refused) Error() string {
	return fmt.Sprintf("tablebatch: operation %d: %d %s", e.Index, e.Status, e.Code)
}

// Exists reports whether the transaction was refused because it adds a row that
// is there.
func Exists(err error) bool {
	e, ok := errors.AsType[*Refused](err)
	return ok && e.Code == string(aztables.EntityAlreadyExists)
}

// Stale reports whether it was refused because a row had changed or was gone.
func Stale(err error) bool {
	e, ok := errors.AsType[*Refused](err)
	return ok && (e.Status == http.StatusPreconditionFailed || e.Status == http.StatusNotFound && e.Index >= 0)
}

// Submit does all operations, or returns an error: Refused or ErrRows mean that
// nothing was done, any other that nobody knows. It returns the rows' new ETags,
// empty for those that were deleted.
func Submit(ctx context.Context, client *aztables.Client, rows []aztables.TransactionAction) ([]azcore.ETag, error) {
	if err := check(rows); err != nil {
		return nil, err
	}
	var resp *http.Response
	_, err := client.SubmitTransaction(policy.WithCaptureResponse(ctx, &resp), rows, nil)
	if resp == nil {
		return nil, fmt.Errorf("tablebatch: %w", err)
	}
	body, readErr := runtime.Payload(resp)
	if readErr != nil {
		return nil, fmt.Errorf("tablebatch: read the answer: %w", readErr)
	}
	if resp.StatusCode != http.StatusAccepted {
		return nil, envelope(resp, body, err)
	}
	return parts(resp.Header.Get("Content-Type"), body, len(rows))
}

// envelope is the error of an answer that is about the request as a whole. Below
// 500 it says that nothing was done.
func envelope(resp *http.Response, body []byte, err error) error {
	if resp.StatusCode >= http.StatusInternalServerError {
		return fmt.Errorf("tablebatch: %s: %w", resp.Status, err)
	}
	_, code := reason(body)
	return &Refused{Index: -1, Status: resp.StatusCode, Code: code}
}

func check(rows []aztables.TransactionAction) error {
	if len(rows) == 0 || len(rows) > MaxRows {
		return ErrRows
	}
	type key struct{ PartitionKey, RowKey string }
	seen := map[key]bool{}
	var first key
	for i, r := range rows {
		var k key
		if err := json.Unmarshal(r.Entity, &k); err != nil {
			return fmt.Errorf("%w: %w", ErrRows, err)
		}
		if i == 0 {
			first = k
		}
		if seen[k] || k.PartitionKey != first.PartitionKey {
			return ErrRows
		}
		seen[k] = true
	}
	return nil
}

// parts reads the answers of the operations: one for each that was done, or one
// alone that says why none was.
func parts(contentType string, body []byte, want int) (etags []azcore.ETag, err error) {
	changes, err := inner(contentType, body)
	if err != nil {
		return nil, fmt.Errorf("tablebatch: the answer: %w", err)
	}
	for {
		part, err := changes.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("tablebatch: the answer: %w", err)
		}
		resp, err := http.ReadResponse(bufio.NewReader(part), nil)
		if err != nil {
			return nil, fmt.Errorf("tablebatch: the answer: %w", err)
		}
		if resp.StatusCode >= http.StatusBadRequest {
			text, err := io.ReadAll(resp.Body)
			if err != nil && len(text) == 0 {
				return nil, fmt.Errorf("tablebatch: the answer: %w", err)
			}
			index, code := reason(text)
			return nil, &Refused{Index: index, Status: resp.StatusCode, Code: code}
		}
		etags = append(etags, azcore.ETag(resp.Header.Get("ETag")))
	}
	if len(etags) != want {
		return nil, fmt.Errorf("tablebatch: %d answers to %d operations", len(etags), want)
	}
	return etags, nil
}

// inner opens the change set, the only part of the answer.
func inner(contentType string, body []byte) (*multipart.Reader, error) {
	_, params, err := mime.ParseMediaType(contentType)
	if err != nil {
		return nil, err
	}
	part, err := multipart.NewReader(bytes.NewReader(body), params["boundary"]).NextPart()
	if err != nil {
		return nil, err
	}
	if _, params, err = mime.ParseMediaType(part.Header.Get("Content-Type")); err != nil {
		return nil, err
	}
	return multipart.NewReader(part, params["boundary"]), nil
}

// reason reads an OData error. Its message begins with the operation's place:
// "1:The specified entity already exists."
func reason(text []byte) (index int, code string) {
	var e struct {
		Error struct {
			Code    string
			Message struct{ Value string }
		} `json:"odata.error"`
	}
	if json.Unmarshal(text, &e) != nil {
		return -1, ""
	}
	place, _, found := strings.Cut(e.Error.Message.Value, ":")
	index, err := strconv.Atoi(place)
	if !found || err != nil {
		index = -1
	}
	return index, e.Error.Code
}
