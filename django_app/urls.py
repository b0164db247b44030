"""The URLs, relative to the prefix of the mount."""

from django.contrib import admin
from django.urls import path, register_converter
from django.views.generic import RedirectView

from django_app import errors, views
from django_app.converters import UserIdConverter
from django_app.dashboard import dashboard

register_converter(UserIdConverter, "user_id")

urlpatterns = [
    path("api/users", views.UserListView.as_view(), name="users"),
    path("api/users/<user_id:user_id>", views.UserView.as_view(), name="user"),
    path("api/hello", views.HelloView.as_view(), name="hello"),
    path("api/me", views.MeView.as_view(), name="me"),
    path("api/wait", views.WaitView.as_view(), name="wait"),
    path("", dashboard, name="dashboard"),
    # The links of the admin end with a slash; people who type the address often omit it.
    path("admin", RedirectView.as_view(pattern_name="admin:index", query_string=True)),
    path("admin/", admin.site.urls),
]

handler400 = errors.bad_request
handler403 = errors.permission_denied
handler404 = errors.not_found
handler500 = errors.server_error
