/** A login to a remote MCP server failed. */
import * as Schema from "effect/Schema"

/** `detail` is the reason in the other side's words, without secrets and limited in length; "" if there is none. */
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
        return `${name} is a program on this machine, which has no login. Put the credentials that it needs into "env" in its entry.`
      case "HeaderSet":
        return `${name} has an "Authorization" header in its entry, which takes precedence over any login. Remove the header to log in.`
      case "ByItself":
        return `${name} uses the "clientId" and "clientSecret" in its entry to log in by itself; there is nothing to do.`
      case "NotWanted":
        return `${name} needs no login; there is nothing to do.`
      case "NoMetadata":
        return `${name} requires a login, but does not say where to log in${why}. Put its token into "headers" in its entry.`
      case "Incompatible":
        return `The login service of ${name} cannot be used${why}. Put a token into "headers" in its entry instead.`
      case "RegistrationRefused":
        return `The login service of ${name} did not register lms-bridge automatically${why}. Register a client there, and put "oauth": {"clientId": …} into the entry.`
      case "Insecure":
        return `The login service of ${name} does not use https (${this.detail}), so nothing secret is sent there. Ask its operator to support https.`
      case "Callback":
        return `The browser could not return to this machine${why}. Choose another "callbackPort" in "oauth" in the entry, or omit it.`
      case "Timeout":
        return `Nobody logged in to ${name} within ${this.detail}. ${again} --timeout allows more time.`
      case "Denied":
        return `The login to ${name} was refused${why}. ${again}`
      case "WrongState":
        return `The answer does not belong to this login to ${name}, so it was not used. ${again}`
      case "WrongIssuer":
        return `The answer is not from the login service of ${name}${why}, so it was not used. ${again}`
      case "OtherIssuer":
        return `The login service of ${name} is not the one that the server names${why}, so nothing was sent there. Tell the operator of the server.`
      case "Refused":
        return `The login service of ${name} did not issue a token${why}. ${again}`
      case "Unreachable":
        // it was reached, but has a problem of its own
        if (this.detail.startsWith("it answered ")) {
          return `The login service of ${name} does not work at the moment${why}. Try again later.`
        }
        return `The login service of ${name} could not be reached${why}. Check the network, and try again.`
      case "NotKept":
        return `The login to ${name} could not be stored${why}. Set LMS_BRIDGE_DATA_DIR to a writable folder.`
    }
  }
}
