package backend

import (
	"encoding/binary"
	"net/http"
	"slices"
)

// prefix is how many bytes a call of gRPC has before a message: whether it is compressed, and its
// length.
const prefix = 5

// reply ends a call with a message of these fields.
func reply(w http.ResponseWriter, content ...[]byte) {
	all := slices.Concat(content...)
	w.Header().Set("Content-Type", "application/grpc")
	w.Header().Set(http.TrailerPrefix+"Grpc-Status", "0")
	_, _ = w.Write(append(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(all))), all...))
}

// varint writes a field of a message of Protocol Buffers that is a number.
func varint(number, value uint64) []byte {
	return binary.AppendUvarint(binary.AppendUvarint(nil, number<<3), value)
}

// message writes one that has a length: a text, or a message of these fields.
func message(number uint64, content ...[]byte) []byte {
	all := slices.Concat(content...)
	return append(binary.AppendUvarint(binary.AppendUvarint(nil, number<<3|2), uint64(len(all))), all...)
}

// field is the first of those that fields finds.
func field(of []byte, number uint64) []byte {
	if found := fields(of, number); len(found) > 0 {
		return found[0]
	}
	return nil
}

// fields has the fields of that number, of those that have a length, in a message of Protocol Buffers.
func fields(message []byte, number uint64) [][]byte {
	var found [][]byte
	for len(message) > 0 {
		key, n := binary.Uvarint(message)
		if n <= 0 {
			return found
		}
		message = message[n:]
		switch key & 7 {
		case 0:
			_, n = binary.Uvarint(message)
		case 1:
			n = 8
		case 2:
			length, m := binary.Uvarint(message)
			if m <= 0 || length > uint64(len(message)-m) {
				return found
			}
			n = m + int(length)
			if key>>3 == number {
				found = append(found, message[m:n])
			}
		case 5:
			n = 4
		default:
			return found
		}
		if n <= 0 || n > len(message) {
			return found
		}
		message = message[n:]
	}
	return found
}
