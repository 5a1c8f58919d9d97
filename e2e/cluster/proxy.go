package cluster

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"sync"
	"syscall"
)

var serving = regexp.MustCompile(`127\.0\.0\.1:\d+`)

// proxy starts `kubectl proxy`, which knows every way of a kubeconfig to prove who one is, and
// returns its URL. It ends with this process.
var proxy = sync.OnceValues(func() (string, error) {
	type started struct {
		url string
		err error
	}
	result := make(chan started)
	go func() {
		// The signal comes when the thread ends that started it, so that thread must stay.
		runtime.LockOSThread()
		url, err := startProxy()
		result <- started{url, err}
		select {}
	}()
	r := <-result
	return r.url, r.err
})

func startProxy() (string, error) {
	command := exec.Command("kubectl", "proxy", "--port=0")
	command.Stderr = os.Stderr
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	output, err := command.StdoutPipe()
	if err != nil {
		return "", err
	}
	if err := command.Start(); err != nil {
		return "", err
	}
	line, err := bufio.NewReader(output).ReadString('\n')
	address := serving.FindString(line)
	if address == "" {
		return "", fmt.Errorf("kubectl proxy says %q: %w", line, err)
	}
	return "http://" + address, nil
}
