// Package pgtest gives tests a PostgreSQL: an empty schema of their own, a wire to the
// server that can be cut, and a pooler before it. It knows nothing of Peal, and is not
// for what only tests of the store do.
package pgtest
