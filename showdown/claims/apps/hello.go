// The smallest Go server with /api/hello: only the standard library.
package main

import (
	"encoding/json"
	"log"
	"net/http"
	"os"
)

func hello(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(map[string]string{"message": "Hello, World!"}); err != nil {
		log.Print(err)
	}
}

func main() {
	http.HandleFunc("/api/hello", hello)
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Args[1], nil))
}
