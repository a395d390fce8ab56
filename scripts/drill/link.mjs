// A network between two programs that can be cut: while it is, nothing passes in either direction and nobody is told, as when packets
// are lost. What was sent meanwhile arrives when it is mended, as TCP would send it again.
import { connect, createServer } from "node:net"

export const makeLink = (port) =>
  new Promise((resolve, reject) => {
    const sockets = new Set()
    let isCut = false
    /** Connections that were made while it was cut: whoever made them has heard nothing yet. */
    let waiting = []

    const pass = (near) => {
      const far = connect(port, "127.0.0.1")
      for (const [one, other] of [
        [near, far],
        [far, near]
      ]) {
        sockets.add(one)
        one.on("data", (chunk) => other.write(chunk))
        one.on("end", () => other.end())
        one.on("error", () => other.destroy())
        one.on("close", () => (sockets.delete(one), other.destroy()))
        if (isCut) one.pause()
      }
    }
    const server = createServer({ allowHalfOpen: true }, (near) => {
      near.on("error", () => {})
      if (!isCut) return pass(near)
      sockets.add(near)
      waiting.push(near)
    })
    server.once("error", reject)
    server.listen(0, "127.0.0.1", () =>
      resolve({
        port: server.address().port,
        cut: () => {
          isCut = true
          for (const socket of sockets) socket.pause()
        },
        mend: () => {
          isCut = false
          for (const socket of sockets) socket.resume()
          for (const near of waiting) if (!near.destroyed) pass(near)
          waiting = []
        },
        /** As when a router forgets its connections: those that there are never get an answer; new ones do. */
        forget: () => {
          isCut = false
          for (const socket of sockets) socket.pause()
          sockets.clear()
          for (const near of waiting) if (!near.destroyed) pass(near)
          waiting = []
        },
        close: () => {
          for (const socket of sockets) socket.destroy()
          server.close()
        }
      })
    )
  })
