// @effect-diagnostics nodeBuiltinImport:off -- the driver takes a socket of Node
/**
 * A connection that is given up where nothing comes back: a network that is cut says nothing, and what was asked over it would
 * wait for a quarter of an hour. (With TLS the driver takes the socket away, and the system's own limit holds.)
 */
import { Socket } from "node:net"

/** Longer than any statement takes, and shorter than the usual lease. */
const answersWithin = 10_000

export const make = (): Socket => {
  const socket = new Socket()
  let read = -1
  // not before, since connecting puts the usual one in its place
  socket.once("connect", () => {
    const write = socket.write.bind(socket)
    socket.write = ((...given: Parameters<typeof write>) => {
      read = socket.bytesRead
      return write(...given)
    }) as typeof socket.write
  })
  socket.setTimeout(answersWithin, () => {
    if (read === socket.bytesRead) socket.destroy(new Error("the database does not answer"))
  })
  return socket.setKeepAlive(true, answersWithin)
}
