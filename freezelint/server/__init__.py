"""`freezelint server`: findings while somebody types, for editors that speak the Language Server Protocol.

`opened` turns what is open into bytes to check, `checked` turns a report into what the protocol says, `language_server`
ties both to the protocol. Needs pygls, which the extra `lsp` installs; nothing else imports this package.
"""
