package admin

import (
	"encoding/xml"
	"io"
	"strings"
)

// Namespaces of the descriptions.
const (
	nsConnect  = "http://schemas.microsoft.com/netservices/2010/10/servicebus/connect"
	nsCounts   = "http://schemas.microsoft.com/netservices/2011/06/servicebus"
	nsInstance = "http://www.w3.org/2001/XMLSchema-instance"
	nsSchema   = "http://www.w3.org/2001/XMLSchema"
)

// element is XML as it came, without a schema.
type element struct {
	XMLName  xml.Name
	Attrs    []xml.Attr `xml:",any,attr"`
	Text     string     `xml:",chardata"`
	Children []element  `xml:",any"`
}

// readDescription reads the description inside an Atom entry.
func readDescription(r io.Reader) (element, error) {
	var entry element
	if err := xml.NewDecoder(io.LimitReader(r, maxBody)).Decode(&entry); err != nil {
		return element{}, badRequest("The body is not XML: %v.", err)
	}
	content, ok := entry.child("content")
	if !ok || len(content.Children) == 0 {
		return element{}, badRequest("The body is no Atom entry with a description.")
	}
	return content.Children[0], nil
}

func (e element) child(name string) (element, bool) {
	for _, c := range e.Children {
		if c.XMLName.Local == name {
			return c, true
		}
	}
	return element{}, false
}

// text returns the text of a child, or "".
func (e element) text(name string) string {
	c, _ := e.child(name)
	return strings.TrimSpace(c.Text)
}

// kind is the i:type of an element, without a prefix.
func (e element) kind() string {
	for _, a := range e.Attrs {
		if a.Name.Local == "type" && a.Name.Space == nsInstance {
			_, local, ok := strings.Cut(a.Value, ":")
			if !ok {
				local = a.Value
			}
			return local
		}
	}
	return ""
}

// nilled says whether the element stands for nothing.
func (e element) nilled() bool {
	for _, a := range e.Attrs {
		if a.Name.Local == "nil" && a.Name.Space == nsInstance {
			return a.Value == "true"
		}
	}
	return false
}

// inner writes what is inside the element; i stands for the namespace of types.
func (e element) inner() string {
	if len(e.Children) == 0 {
		return escape(strings.TrimSpace(e.Text))
	}
	var b strings.Builder
	for _, c := range e.Children {
		c.write(&b, e.XMLName.Space)
	}
	return b.String()
}

// outer writes the whole element.
func (e element) outer() string {
	var b strings.Builder
	e.write(&b, nsConnect)
	return b.String()
}

func (e element) write(b *strings.Builder, space string) {
	b.WriteString("<" + e.XMLName.Local)
	if e.XMLName.Space != space {
		b.WriteString(` xmlns="` + escape(e.XMLName.Space) + `"`)
	}
	for _, a := range e.Attrs {
		switch {
		case a.Name.Space == "xmlns" && a.Name.Local != "i":
			b.WriteString(` xmlns:` + a.Name.Local + `="` + escape(a.Value) + `"`)
		case a.Name.Space == nsInstance:
			b.WriteString(` i:` + a.Name.Local + `="` + escape(a.Value) + `"`)
		}
	}
	b.WriteString(">" + e.inner() + "</" + e.XMLName.Local + ">")
}
