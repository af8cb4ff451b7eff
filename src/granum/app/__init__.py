"""The web app: a server on loopback over the same functions as the command line, and a page that talks to it.

`server` puts it together; `messages` is the contract with the page; every other file is one of its parts. The only
place with web packages.
"""
