// A proxy of io.Copy, as small as they come: what the balancer of kube-vip was.
package main

import (
	"io"
	"log"
	"net"
	"os"
)

func main() {
	listener, err := net.Listen("tcp", os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	for {
		client, err := listener.Accept()
		if err != nil {
			continue
		}
		go join(client.(*net.TCPConn), os.Args[2])
	}
}

func join(client *net.TCPConn, to string) {
	defer client.Close()
	dialed, err := net.Dial("tcp", to)
	if err != nil {
		return
	}
	backend := dialed.(*net.TCPConn)
	defer backend.Close()
	done := make(chan struct{})
	go func() {
		io.Copy(backend, client)
		backend.CloseWrite()
		close(done)
	}()
	io.Copy(client, backend)
	client.CloseWrite()
	<-done
}
