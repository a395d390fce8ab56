/** A login to a remote MCP server that came to nothing, as a value. */
import * as Schema from "effect/Schema"

/** `detail` has the words of whoever refused, without secrets and bounded; "" where there are none. */
export class McpLoginFailed extends Schema.TaggedError<McpLoginFailed>()("McpLoginFailed", {
  server: Schema.String,
  reason: Schema.Literal(
    "NotRemote",
    "HeaderSet",
    "ByItself",
    "NotWanted",
    "NoMetadata",
    "Incompatible",
    "RegistrationRefused",
    "Insecure",
    "Callback",
    "Timeout",
    "Denied",
    "WrongState",
    "WrongIssuer",
    "OtherIssuer",
    "Refused",
    "Unreachable",
    "NotKept"
  ),
  detail: Schema.String
}) {
  get retryable() {
    return this.reason === "Unreachable"
  }
  override get message() {
    const name = `MCP server "${this.server}"`
    const again = `Run \`lms-bridge mcp login ${this.server}\` again.`
    const why = this.detail === "" ? "" : `: ${this.detail.replace(/\.$/, "")}`
    switch (this.reason) {
      case "NotRemote":
        return `${name} is a program on this machine, which takes no login. Put what it asks for into "env" of its entry.`
      case "HeaderSet":
        return `${name} has an "Authorization" header in its entry, which comes before any login. Remove the header to log in.`
      case "ByItself":
        return `${name} is logged in to with the "clientId" and "clientSecret" of its entry, without anybody's doing.`
      case "NotWanted":
        return `${name} answers without a login; there is nothing to do.`
      case "NoMetadata":
        return `${name} wants to know who you are, but does not say where to log in${why}. Put its token into "headers" of its entry.`
      case "Incompatible":
        return `The login service of ${name} cannot be used${why}. Put a token into "headers" of its entry instead.`
      case "RegistrationRefused":
        return `The login service of ${name} does not register lms-bridge by itself${why}. Register a client there, and put "oauth": {"clientId": …} into the entry.`
      case "Insecure":
        return `The login service of ${name} is not reached over https (${this.detail}), so nothing secret is sent there. Ask whoever runs it to offer https.`
      case "Callback":
        return `The browser could not come back to this machine${why}. Choose another "callbackPort" in "oauth" of the entry, or leave it out.`
      case "Timeout":
        return `Nobody logged in to ${name} within ${this.detail}. ${again} --timeout gives it longer.`
      case "Denied":
        return `The login to ${name} was refused${why}. ${again}`
      case "WrongState":
        return `What came back does not belong to this login to ${name}, so it was not used. ${again}`
      case "WrongIssuer":
        return `What came back is not from the login service of ${name}${why}, so it was not used. ${again}`
      case "OtherIssuer":
        return `The login service of ${name} is not the one that the server names${why}, so nothing was sent there. Tell whoever runs the server.`
      case "Refused":
        return `The login service of ${name} did not give out a token${why}. ${again}`
      case "Unreachable":
        // it was reached, and is in trouble of its own
        if (this.detail.startsWith("it answered ")) {
          return `The login service of ${name} does not work at the moment${why}. Try again later.`
        }
        return `The login service of ${name} could not be reached${why}. Check the network, and try again.`
      case "NotKept":
        return `The login to ${name} could not be kept${why}. Set LMS_BRIDGE_DATA_DIR to a folder that can be written.`
    }
  }
}
