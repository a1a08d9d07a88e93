"""Hostile parts lists: thousands of damaged and crafted inputs through the real sandbox; each must end in words.

Everything follows from a seed and an input's number, so that whatever goes wrong can be made again. `inputs.py` makes an
input: a form of `forms.py`, changed by what `any_bytes.py`, `texts.py`, `xml_attacks.py`, `ldraw_attacks.py`,
`zip_attacks.py` and `book_attacks.py` know to do. `campaign.py` runs them, `verdict.py` judges how each one ended.
"""
