// `node inTurn.mjs PROGRAM ARGUMENTS`: waits for its turn at the port in TURNS, and then is the program. The suite starts all
// of its clients at once, which small machines do not take well.
import { connect } from "node:net"
import { pathToFileURL } from "node:url"

const turn = connect(Number(process.env.TURNS), "127.0.0.1")
await new Promise((resolve, reject) => turn.once("data", resolve).once("error", reject))
await import(pathToFileURL(process.argv[2]).href)
