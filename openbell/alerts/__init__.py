"""Alerts: what people want to be told about prices, and when it is so. Pure; nothing here reads a file or a clock.

parser.parse(text)               an expression such as ``rsi(14) < 30 and close > sma(200)`` as a tree
panel.Panel(bars)                what expressions say of every symbol at the last bar, shared between rules
definitions.AlertFile            what a file under deployments/alerts may hold
judge.judge(...)                 which alerts fire now, which are armed again, what is unknown
"""
