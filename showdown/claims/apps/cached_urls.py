"""Django's URLs with a cache in front of the list of users."""

from django.urls import path
from django.views.decorators.cache import cache_page

from django_app import urls, views

urlpatterns = [
    path("api/users", cache_page(60)(views.UserListView.as_view())),
    *urls.urlpatterns,
]

handler400, handler403 = urls.handler400, urls.handler403
handler404, handler500 = urls.handler404, urls.handler500
