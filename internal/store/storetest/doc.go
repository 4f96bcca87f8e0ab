// Package storetest is the suite that every database has to pass: what the store
// promises to publish, dispatch, settings and the API, in their own terms.
//
// It is not for what only one database can get wrong, its files and its locks; that
// is tested beside the code of that database.
package storetest
