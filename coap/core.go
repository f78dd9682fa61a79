package coap

// A Resource is a line of /.well-known/core (RFC 6690). Empty attributes are
// left out.
type Resource struct {
	Path      string // such as "/femto/containers"
	Type      string // rt, one or more words
	Interface string // if, one or more words
	Format    string // ct, such as "60"
}

// serveCore lists the resources that the query selects (RFC 6690 §4.1).
func serveCore(resources []Resource, req *Request, resp *Response) {
	if req.Code != GET {
		resp.Fail(MethodNotAllowed, "")
		return
	}
	ok := true
	for i := range resources {
		r := &resources[i]
		if !r.selected(req) {
			continue
		}
		if len(resp.Body) > 0 {
			ok = ok && resp.WriteString(",")
		}
		ok = ok && resp.WriteString("<") && resp.WriteString(r.Path) && resp.WriteString(">") &&
			attribute(resp, ";rt=\"", r.Type, "\"") && attribute(resp, ";if=\"", r.Interface, "\"") &&
			attribute(resp, ";ct=", r.Format, "")
	}
	if !ok {
		resp.Fail(InternalServerError, "")
		return
	}
	resp.Code, resp.ContentFormat = Content, FormatLinkFormat
}

//go:noinline
func attribute(resp *Response, before, value, after string) bool {
	return value == "" || resp.WriteString(before) && resp.WriteString(value) && resp.WriteString(after)
}

// selected reports whether r matches every parameter of the query.
func (r *Resource) selected(req *Request) bool {
	o := req.message.Options()
	for o.Next() {
		if o.Number == UriQuery && !r.matches(o.Value) {
			return false
		}
	}
	return true
}

func (r *Resource) matches(parameter []byte) bool {
	end := index(parameter, '=')
	name, pattern := parameter[:end], parameter[min(end+1, len(parameter)):]
	switch {
	case equal(name, "href"):
		return matchWords(r.Path, pattern)
	case equal(name, "rt"):
		return matchWords(r.Type, pattern)
	case equal(name, "if"):
		return matchWords(r.Interface, pattern)
	case equal(name, "ct"):
		return matchWords(r.Format, pattern)
	}
	return false
}

//go:noinline
func matchWords(words string, pattern []byte) bool {
	start := 0
	for i := 0; i <= len(words); i++ {
		if i == len(words) || words[i] == ' ' {
			if i > start && matchWord(words[start:i], pattern) {
				return true
			}
			start = i + 1
		}
	}
	return false
}

// matchWord compares word with pattern, in which a final * stands for anything.
func matchWord(word string, pattern []byte) bool {
	if n := len(pattern); n > 0 && pattern[n-1] == '*' {
		return len(word) >= n-1 && equal(pattern[:n-1], word[:n-1])
	}
	return equal(pattern, word)
}
