// Package strictjson checks, compacts and respells JSON without building values,
// so that numbers keep the digits that were sent.
//
// It accepts exactly RFC 8259, less what two parsers could read differently:
// duplicate keys, lone surrogates, invalid UTF-8 and numbers that not every
// receiver can hold. It is not for turning JSON into Go values; encoding/json
// does that.
package strictjson
