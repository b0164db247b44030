"""Move an API from one application to another, route by route, under real traffic."""
