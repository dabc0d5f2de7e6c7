// Package kueue is empty: its module is here for what it requires, at the versions that go.sum pins.
package kueue
