// Command probe is what the smoke test runs in pods: `probe serve PORT` answers every request with the name of its
// host, `probe get URL...` prints what each URL answers, and fails when one does not within half a minute.
package main

import (
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	if len(os.Args) < 3 {
		fail("usage: probe serve PORT | probe get URL...")
	}
	switch os.Args[1] {
	case "serve":
		serve(os.Args[2])
	case "get":
		for _, url := range os.Args[2:] {
			get(url)
		}
	default:
		fail("unknown command " + os.Args[1])
	}
}

func serve(port string) {
	end := make(chan os.Signal, 1)
	signal.Notify(end, syscall.SIGTERM)
	go func() {
		<-end
		os.Exit(0)
	}()
	host, _ := os.Hostname()
	http.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, host) })
	fail(http.ListenAndServe(":"+port, nil).Error())
}

// Who answers is what the probe asks; whose certificate it is, is not.
func get(url string) {
	client := http.Client{
		Timeout:   10 * time.Second,
		Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true},
	}
	// A service's address may take a moment to lead somewhere.
	answer, err := client.Get(url)
	for deadline := time.Now().Add(30 * time.Second); err != nil && time.Now().Before(deadline); {
		time.Sleep(200 * time.Millisecond)
		answer, err = client.Get(url)
	}
	if err != nil {
		fail(err.Error())
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, 200))
	if err != nil {
		fail(err.Error())
	}
	fmt.Printf("%d %s\n", answer.StatusCode, body)
}

func fail(reason string) {
	fmt.Fprintln(os.Stderr, reason)
	os.Exit(1)
}
