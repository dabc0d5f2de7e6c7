// Package ext is what Traefik's own module zip leaves out, since it is a module of its own there: extension points of
// the dynamic configuration, empty in the open source build.
package ext

// HTTP extends the HTTP configuration.
type HTTP struct{}

// Router extends a router.
type Router struct{}

// RouterIng extends a router of an Ingress.
type RouterIng struct{}

// ToRouter makes it a router's extension.
func (RouterIng) ToRouter() Router { return Router{} }
